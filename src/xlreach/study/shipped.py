"""The studies that come with the package, by name: `quickstart`, `controlled/script` and the rest of `configs/`.

Lives here: finding a study by its name or path. What a configuration says is read in `config` and `experiment`.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from xlreach.errors import ConfigError, nearest


def shipped_studies() -> dict[str, Path]:
    """Returns the file of every study and experiment that the package ships, by name."""
    folder = Path(str(resources.files("xlreach"))) / "configs"
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.yaml"))}


def find_config(config: Path) -> Path:
    """Returns a configuration file: the one at this path, or else the shipped study of this name.

    Raises:
        ConfigError: A name that is neither a file nor a shipped study.
    """
    if config.suffix or config.exists():
        return config
    studies = shipped_studies()
    if config.as_posix() not in studies:
        raise ConfigError(
            f"There is no file {str(config)!r}, and no study of that name comes with XLReach.",
            expected="Expected a YAML file or the name of a study.",
            fix=nearest(config.as_posix(), studies),
        )
    return studies[config.as_posix()]
