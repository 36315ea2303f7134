"""The configuration directory of a test's Home Assistant, without anything to download."""

import json
from pathlib import Path
import shutil

REPOSITORY = Path(__file__).resolve().parents[2]
COMPONENT = REPOSITORY / "custom_components" / "facial_therapy"

# Not `default_config`: it brings clouds, scanners and streams that a demo does not need and that
# look for the internet.
_CONFIGURATION = """\
homeassistant:
  name: Facial therapy demo
  latitude: 52.37
  longitude: 4.9
  elevation: 2
  unit_system: metric
  time_zone: Europe/Amsterdam
  country: NL
  currency: EUR
  language: en

frontend:
config:
history:
logbook:
recorder:
  commit_interval: 1
person:
zeroconf:
conversation:
automation: !include automations.yaml
script:
scene:
input_boolean:
input_number:
input_text:
sun:
tag:

logger:
  default: info
"""
_PHONES = """
mobile_app:
"""


def _store(directory: Path, key: str, version: int, minor_version: int, data: object) -> None:
    """Write one file of Home Assistant's own storage."""
    path = directory / ".storage" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"version": version, "minor_version": minor_version, "key": key, "data": data})
    )


def write(
    directory: Path,
    *,
    port: int,
    host: str = "127.0.0.1",
    component: Path = COMPONENT,
    phones: bool = False,
) -> None:
    """Make a new configuration directory, or update the component and port of a used one."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "configuration.yaml").write_text(_CONFIGURATION + (_PHONES if phones else ""))
    automations = directory / "automations.yaml"  # what its editor writes
    if not automations.exists():
        automations.write_text("[]\n")
    # A copy, not a link: what runs does not change under it, and its compiled files stay out of the
    # checkout.
    target = directory / "custom_components" / component.name
    shutil.rmtree(target, ignore_errors=True)
    if component.is_dir():
        shutil.copytree(component, target, ignore=shutil.ignore_patterns("__pycache__"))
    # HTTP settings in YAML are only tried for five minutes and then taken back with a restart;
    # these hold.
    stable = {
        "server_host": [host],
        "server_port": port,
        "cors_allowed_origins": ["https://cast.home-assistant.io"],
        "login_attempts_threshold": -1,
        "ip_ban_enabled": True,
        "ssl_profile": "modern",
        "use_x_frame_options": True,
        "created_at": "2026-01-01T00:00:00+00:00",
        "error": None,
        "error_message": None,
    }
    _store(
        directory, "http", 2, 2, {"stable": stable, "pending": None, "yaml_migration_done": True}
    )
    if not (directory / ".storage" / "onboarding").exists():
        # The core step of onboarding adds weather, radio and a speech service from the internet.
        # The place is set above instead.
        _store(directory, "onboarding", 4, 1, {"done": ["core_config"]})
