"""The effects of kills, resumes and hostile files."""
