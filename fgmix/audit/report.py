"""Audits a data set: writes the files and the printed report."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fgmix.audit.data_page import write_data_page
from fgmix.audit.features import BackboneChoice, image_features, similar_pairs
from fgmix.audit.finding import Finding, describe
from fgmix.audit.findings import count_classes, find_duplicates, find_problems
from fgmix.audit.load import Subject
from fgmix.audit.mixed_classes import MixedClass, find_mixed
from fgmix.audit.scan import ScannedImage, scan_images
from fgmix.data.codec.headers import MAX_PIXELS
from fgmix.data.dataset import ImageDataset
from fgmix.files import write_json

REPORT, PAGE = "report.json", "report.html"
SHOWN = 5
"""The number of items of a finding that are printed."""


@dataclass(frozen=True, repr=False)
class Audit:
    """A finished audit.

    Attributes:
        record: The content of `report.json`.
        findings: The findings, the most harmful first.
        written: The names of the files that were written.
    """

    record: dict[str, Any]
    findings: tuple[Finding, ...]
    written: tuple[str, ...]

    @property
    def hurts(self) -> bool:
        """Whether any finding would hurt training."""
        return any(finding.hurts for finding in self.findings)

    def __repr__(self) -> str:
        """The printed report."""
        return "\n".join(report_lines(self))


def audit_dataset(
    subject: Subject, output: Path | None, backbone: BackboneChoice | None = None
) -> Audit:
    """Reads every image of a data set and writes the findings.

    Args:
        subject: From `load_subject`.
        output: The folder to write to; created if it does not exist. None writes nothing.
        backbone: A backbone to compare the images by, which finds smaller parts of pictures and
            classes that look like two; None for none.

    Raises:
        FgmixError: If the backbone can't be built, or the disk has too little space.
    """
    dataset = subject.dataset
    images = scan_images(dataset)
    pairs, mixed = _by_features(dataset, images, backbone) if backbone else ([], [])
    findings = find_problems(
        dataset, images, find_duplicates(images, pairs), subject.layout, subject.refusal, mixed
    )
    record = _record(dataset, images, findings)
    if output is None:
        return Audit(record, tuple(findings), ())
    output.mkdir(parents=True, exist_ok=True)
    write_data_page(output / PAGE, subject, images, findings, record)
    write_json(output / REPORT, record)
    return Audit(record, tuple(findings), (PAGE, REPORT))


def _by_features(
    dataset: ImageDataset, images: Sequence[ScannedImage], backbone: BackboneChoice
) -> tuple[list[tuple[int, int]], list[MixedClass]]:
    """Returns pairs of similar images and classes that look like two, of the readable images."""
    readable = [image for image in images if image.problem is None]
    if not readable:
        return [], []
    features = image_features(dataset, readable, backbone)
    labels = np.array([dataset.class_names.index(image.class_name) for image in readable])
    return similar_pairs(features), find_mixed(features, labels)


def _record(
    dataset: ImageDataset, images: Sequence[ScannedImage], findings: Sequence[Finding]
) -> dict[str, Any]:
    good = sorted((p for p in images if not p.problem), key=lambda p: p.width * p.height)
    return {
        "dataset": dataset.name,
        "root": str(dataset.root.resolve()),
        "hurts": any(finding.hurts for finding in findings),
        "photos": {
            name: {"files": len(split), "readable": sum(p.split == name for p in good)}
            for name, split in dataset.splits.items()
        },
        "formats": dict(Counter(p.format or "unknown" for p in good).most_common()),
        "sizes": {
            name: [good[place].width, good[place].height]
            for name, place in (("smallest", 0), ("median", len(good) // 2), ("largest", -1))
            if good
        },
        "limits": {"max_pixels": MAX_PIXELS},
        "findings": [asdict(finding) for finding in findings],
        "classes": count_classes(dataset, images),
    }


def report_lines(audit: Audit) -> list[str]:
    """Returns the lines of the printed report."""
    record = audit.record
    splits = ", ".join(f"{counts['readable']} {name}" for name, counts in record["photos"].items())
    classes = {name: sum(by_split.values()) for name, by_split in record["classes"].items()}
    ranked = sorted(classes, key=lambda name: (classes[name], name))
    named = [f"{name} ({classes[name]})" for name in ranked]
    lines = [
        f"{record['dataset']}: {len(classes)} classes, readable photos: {splits}",
        f"  smallest classes: {', '.join(named[:3])}",
        f"  largest classes:  {', '.join(named[:-4:-1])}",
    ]
    if record["sizes"]:
        sizes = [f"{name} {width} x {height}" for name, (width, height) in record["sizes"].items()]
        formats = [f"{name} {count}" for name, count in record["formats"].items()]
        low, high = classes[ranked[0]], classes[ranked[-1]]
        ratio = f"{high / low:.1f}" if low else "infinite"
        lines += [
            f"  largest to smallest: {ratio}",
            f"  pixels: {', '.join(sizes)}",
            f"  formats: {', '.join(formats)}",
        ]
    for finding in audit.findings:
        lines += ["", f"{'HURTS' if finding.hurts else 'note '}  {finding.summary}"]
        lines += [f"         {describe(item)}" for item in finding.items[:SHOWN]]
        if len(finding.items) > SHOWN:
            lines.append(f"         and {len(finding.items) - SHOWN} more in {PAGE}")
        lines.append(f"       {finding.remedy}")
    if not audit.hurts:
        lines += ["", "nothing here would hurt training"]
    return lines
