"""Finding a configuration file: by its path, or by the name of a study in `configs/`, such as `quickstart`.

Does not read the file; `config` and `experiment` do.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from xlreach.errors import ConfigError, nearest


def shipped_studies() -> dict[str, Path]:
    """Returns the files of all studies and experiments in the package, by name (`controlled/script`)."""
    folder = Path(str(resources.files("xlreach"))) / "configs"
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.yaml"))}


def find_config(config: Path) -> Path:
    """Returns a configuration file: the file at this path, or the study of this name in the package.

    Raises:
        ConfigError: Neither a file nor a study of the package has this name.
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
