"""curecon.toml: options that a folder keeps, under the names of their commands."""

from pathlib import Path
from typing import Any

import cyclopts

_BYTES_MAX = 1024 * 1024
_DEPTH_MAX = 8


class Settings(cyclopts.config.Toml):
    """The file as cyclopts asks for it, read as strictly as every file that people write."""

    app: cyclopts.App | None = None

    def _load_config(self, path: Path) -> dict[str, Any]:
        """Read the file.

        Raises:
            CycloptsError: it is no TOML, nested too deeply, or says something of no command.
        """
        from curecon import by_hand  # only where there is a file

        try:
            found = by_hand.table(path, by_hand.content(path, "file of options", _BYTES_MAX))
        except by_hand.Unreadable as error:
            raise cyclopts.CycloptsError(msg=str(error)) from error
        if _is_deep(found):
            raise cyclopts.CycloptsError(msg=f"{path}: nested too deeply to be options")
        assert self.app is not None, "the commands are known before a file is read"
        for key, value in found.items():
            known = key in self.app and not key.startswith("-")
            if known and isinstance(value, dict):
                continue
            what = "table" if known else "command"
            raise cyclopts.CycloptsError(
                msg=f"{path}: `{by_hand.short(key)}` is no {what}; options stand under the name of "
                "their command, as in [audit]"
            )
        return found


def _is_deep(value: object) -> bool:
    """Say whether tables and lists lie deeper in each other than any option does."""
    layer = [value]
    for _ in range(_DEPTH_MAX):
        tables = [one for one in layer if isinstance(one, dict)]
        lists = [one for one in layer if isinstance(one, list)]
        layer = [part for one in tables for part in one.values()]
        layer += [part for one in lists for part in one]
    return any(isinstance(one, dict | list) for one in layer)
