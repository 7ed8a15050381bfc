"""The user's own settings, of this machine and outside all repositories."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from coworkd.core.errors import ConfigError, DocumentError
from coworkd.core.model import UserSettings
from coworkd.system.paths_and_settings import base_folder


def user_settings_file() -> Path:
    """`$XDG_CONFIG_HOME/coworkd/config.yaml`, or its default: the user's own settings."""
    return base_folder("XDG_CONFIG_HOME", ".config") / "coworkd" / "config.yaml"


def read_user_settings() -> UserSettings:
    """The user's own settings; without the file nothing is set. Raises ConfigError with file and line."""
    # Commands that only show the board do not load the YAML reader.
    from coworkd.documents.decoding import user_settings
    from coworkd.documents.markdown import parse_yaml

    file = user_settings_file()
    try:
        found = user_settings(parse_yaml(file.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return UserSettings()
    except DocumentError as error:
        where = f"{file}:{error.line}" if error.line else f"{file}"
        raise ConfigError(f"{where}: {error.message}") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be read ({error.strerror}): correct its permissions, or remove it") from error
    return dataclasses.replace(found, allowed_signers=os.path.expanduser(found.allowed_signers))
