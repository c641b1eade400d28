"""Manifests as somebody would forge them who knows how: their own hash fits what they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dynakit.artifacts.manifest import OWN, digest


def forge(manifest: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change what a manifest says, and seal it anew."""
    content = json.loads(manifest.read_text())
    change(content)
    manifest.write_text(json.dumps({**content, OWN: digest(content)}))
