"""`gaps.json`: a gap analysis as JSON, with a schema number and a checksum; and the JSON schema of that file.

After a change of the types, write the published schema again:

    python -c 'import json; from xlreach.gaps import json_schema; print(json.dumps(json_schema(), indent=1))' \
        > src/xlreach/gaps/gaps.schema.json
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from xlreach.errors import DataError
from xlreach.gaps.analysis import GapAnalysis
from xlreach.safe_io import read_json
from xlreach.store import digest, replacing

SCHEMA = 4


@cache
def _adapter() -> TypeAdapter[GapAnalysis]:
    return TypeAdapter(GapAnalysis)


def write_gaps(path: Path, analysis: GapAnalysis) -> None:
    """Writes `gaps.json`, whole or not at all; the checksum shows whether the file was edited or damaged later.

    Raises:
        ValueError: A number is not finite.
    """
    content = {"schema": SCHEMA, **_adapter().dump_python(analysis, mode="json")}
    content["checksum"] = digest(content)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def read_gaps(path: Path) -> GapAnalysis:
    """Reads what `write_gaps` wrote.

    Raises:
        DataError: The file is missing, no JSON, of another schema, or not as it was written.
    """
    if not path.is_file():
        raise DataError("There is no such file.", fix="Compare the run first.", path=path)
    content = read_json(path)
    seen = content.get("schema") if isinstance(content, dict) else None
    if seen != SCHEMA:
        raise DataError(
            f"The file has schema {seen!r}.", expected=f"Expected schema {SCHEMA}.", fix="Compare the run again.",
            path=path,
        )  # fmt: skip
    checksum = content.pop("checksum", None)
    try:
        if checksum != digest(content):
            raise ValueError
        del content["schema"]
        return _adapter().validate_python(content)
    except ValueError:
        raise DataError("The file was damaged or edited.", fix="Compare the run again.", path=path) from None


def json_schema() -> dict[str, Any]:
    """The JSON schema of `gaps.json`, from the types."""
    schema = _adapter().json_schema(mode="serialization")
    head = {"schema": {"const": SCHEMA}, "checksum": {"type": "string"}}
    schema["properties"] = head | schema["properties"]
    schema["required"] = [*head, *schema["required"]]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema
