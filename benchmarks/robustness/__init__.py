"""What kills, resumes and hostile files do."""
