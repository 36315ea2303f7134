"""Rules across files and languages: the pure core, and numbers and words in several places."""

import ast
from collections.abc import Iterator, Mapping
import json
from pathlib import Path
import re
import subprocess
import sys
import tomllib
from types import MappingProxyType
from typing import Any, Final

import pytest
import yaml

from custom_components.facial_therapy.core import limits
from custom_components.facial_therapy.core.ledger import external
from custom_components.facial_therapy.core.limits import Bound, Limit
from custom_components.facial_therapy.core.model import Channel, Fault, Grade, Modality
from custom_components.facial_therapy.core.refusal import Reason
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.session.view import SessionView

ROOT: Final = Path(__file__).parent.parent
INTEGRATION: Final = ROOT / "custom_components/facial_therapy"
CORE: Final = INTEGRATION / "core"
LIMITS_H: Final = ROOT / "esphome/components/facial_therapy/limits.h"
SAFETY: Final = ROOT / "docs/safety.md"


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


# --- layers ----------------------------------------------------------------------------------
# import-linter holds the layers: its contracts are in pyproject.toml.

FILES: Final = sorted(INTEGRATION.rglob("*.py"))


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.parent.name != "devices"],
    ids=lambda path: str(path.relative_to(INTEGRATION)),
)
def test_only_devices_know_esphome(path: Path) -> None:
    for node in ast.walk(tree(path)):
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        assert not any("esphome" in name for name in names), (
            f"{path.name}:{getattr(node, 'lineno', 0)}"
        )
        assert not (
            isinstance(node, ast.Constant) and node.value in {"esphome", "aioesphomeapi"}
        ), f"{path.name}:{getattr(node, 'lineno', 0)}"


def test_the_engine_alone_makes_and_keeps_the_view_of_a_session() -> None:
    assert SessionView.__dataclass_params__.frozen  # type: ignore[attr-defined]
    makers = set()
    for path in FILES:
        for node in ast.walk(tree(path)):
            made = isinstance(node, ast.Call) and ast.unparse(node.func) == "SessionView"
            kept = (
                isinstance(node, ast.Assign)
                and ast.unparse(node.targets[0]) == "self._view"
                and not isinstance(node.value, ast.Name)
            )
            if made or kept:
                makers.add(str(path.relative_to(INTEGRATION)))
    assert makers == {"session/engine.py"}


# --- the core is pure -----------------------------------------------------------------------------

IMPURE: Final = frozenset(
    {
        "now",
        "utcnow",
        "today",
        "time",
        "time_ns",
        "monotonic",
        "monotonic_ns",
        "perf_counter",
        "sleep",
        "open",
        "print",
        "input",
        "random",
    }
)
CLOCKS_AND_WORLDS: Final = frozenset(
    {
        "asyncio",
        "io",
        "logging",
        "os",
        "pathlib",
        "random",
        "secrets",
        "socket",
        "subprocess",
        "threading",
        "time",
    }
)


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: path.name)
def test_the_core_has_no_clock_no_io_and_nothing_asynchronous(path: Path) -> None:
    for node in ast.walk(tree(path)):
        where = f"{path.name}:{getattr(node, 'lineno', 0)}"
        assert not isinstance(
            node, ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await
        ), where
        if isinstance(node, ast.Call):
            function = node.func
            called = (
                function.attr
                if isinstance(function, ast.Attribute)
                else function.id
                if isinstance(function, ast.Name)
                else ""
            )
            assert called not in IMPURE, f"{where}: {called}"
        if isinstance(node, ast.Import | ast.ImportFrom) and not getattr(node, "level", 0):
            modules = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
            )
            for module in modules:
                top = module.partition(".")[0]
                assert top in sys.stdlib_module_names, f"{where}: {module}"
                assert top not in CLOCKS_AND_WORLDS, f"{where}: {module}"


def test_the_core_runs_where_nothing_but_the_standard_library_is_installed() -> None:
    """Without site-packages there is no Home Assistant: load the core by its path."""
    program = f"""
import importlib.util, sys, pathlib
core = pathlib.Path({str(CORE)!r})
spec = importlib.util.spec_from_file_location(
    "core", core / "__init__.py", submodule_search_locations=[str(core)]
)
package = importlib.util.module_from_spec(spec)
sys.modules["core"] = package
spec.loader.exec_module(package)
for path in sorted(core.rglob("*.py")):
    if path.stem != "__init__":
        importlib.import_module(".".join(["core", *path.relative_to(core).with_suffix("").parts]))
assert importlib.util.find_spec("homeassistant") is None
from core.gate import permit
print(len(permit.CONSTRAINTS), "homeassistant" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1] == "False"


# --- the firmware's ceilings ----------------------------------------------------------------------


def micro(value: float) -> int:
    """Milli to micro, or units to milli or permille."""
    return round(value * 1000)


IRRADIANCE: Final = {channel: limit.hard.maximum for channel, limit in limits.IRRADIANCE.items()}
FLUENCE: Final = {channel: limit.hard.maximum for channel, limit in limits.FLUENCE.items()}
SHARED: Final[Mapping[str, int]] = MappingProxyType(
    {
        "MASK_RED_IRRADIANCE_UW_CM2": micro(IRRADIANCE[Channel.RED]),
        "MASK_NEAR_INFRARED_IRRADIANCE_UW_CM2": micro(IRRADIANCE[Channel.NEAR_INFRARED]),
        "MASK_BLUE_IRRADIANCE_UW_CM2": micro(IRRADIANCE[Channel.BLUE]),
        "MASK_AMBER_IRRADIANCE_UW_CM2": micro(IRRADIANCE[Channel.AMBER]),
        "MASK_TOTAL_IRRADIANCE_UW_CM2": micro(limits.TOTAL_IRRADIANCE.hard.maximum),
        "MASK_EXPOSURE_RATIO_PERMILLE": micro(limits.EXPOSURE_RATIO.hard.maximum),
        "MASK_EXPOSURE_LIMIT_UW_CM2": micro(limits.EXPOSURE_LIMIT[Channel.RED]),
        "MASK_NEAR_INFRARED_EXPOSURE_LIMIT_UW_CM2": micro(
            limits.EXPOSURE_LIMIT[Channel.NEAR_INFRARED]
        ),
        "MASK_RED_FLUENCE_UJ_CM2": micro(FLUENCE[Channel.RED] * 1000),
        "MASK_NEAR_INFRARED_FLUENCE_UJ_CM2": micro(FLUENCE[Channel.NEAR_INFRARED] * 1000),
        "MASK_BLUE_FLUENCE_UJ_CM2": micro(FLUENCE[Channel.BLUE] * 1000),
        "MASK_AMBER_FLUENCE_UJ_CM2": micro(FLUENCE[Channel.AMBER] * 1000),
        "MASK_FLUENCE_UJ_CM2": micro(limits.FLUENCE_SESSION.hard.maximum * 1000),
        "MASK_FLUENCE_DAY_UJ_CM2": micro(limits.FLUENCE_DAY.hard.maximum * 1000),
        "MASK_FLUENCE_WEEK_UJ_CM2": micro(limits.FLUENCE_WEEK.hard.maximum * 1000),
        "MASK_BLUE_WEEK_UJ_CM2": micro(limits.BLUE_WEEK.hard.maximum * 1000),
        "DAY_S": round(limits.DAY_HARD.total_seconds()),
        "WEEK_S": round(limits.WEEK_HARD.total_seconds()),
        "MASK_SESSIONS_DAY": round(limits.SESSIONS_DAY[Modality.MASK].hard.maximum),
        "MASK_SESSIONS_WEEK": round(limits.SESSIONS_WEEK[Modality.MASK].hard.maximum),
        "MASK_REST_S": round(limits.REST[Modality.MASK][1].total_seconds()),
        "MASK_BLUE_REST_S": round(limits.REST_BLUE[1].total_seconds()),
        "WAND_CHARGE_DAY_UC": round(limits.CHARGE.hard.maximum * 60_000),
        "WAND_SESSIONS_DAY": round(limits.SESSIONS_DAY[Modality.WAND].hard.maximum),
        "WAND_SESSIONS_WEEK": round(limits.SESSIONS_WEEK[Modality.WAND].hard.maximum),
        "WAND_REST_S": round(limits.REST[Modality.WAND][1].total_seconds()),
        "COUNTS_FROM_PERMILLE": micro(limits.COUNTS_FROM_SHARE),
        "WAND_CURRENT_UA": round(limits.CURRENT.hard.maximum),
        "WAND_CURRENT_DENSITY_UA_CM2": round(limits.CURRENT_DENSITY_UA_MM2 * 100),
        "WAND_CHARGE_UC": round(limits.CHARGE.hard.maximum * 60_000),
        "WAND_HALF_PERIOD_CHARGE_UC": round(limits.HALF_PERIOD_CHARGE.hard.maximum),
        "WAND_PERIOD_MINIMUM_US": -round(-1_000_000 // limits.FREQUENCY.hard.maximum),
        "WAND_PERIOD_US": round(1_000_000 / limits.FREQUENCY.hard.minimum),
        "WAND_IMPEDANCE_MINIMUM_OHM": round(limits.IMPEDANCE_OHM.hard.minimum),
        "WAND_IMPEDANCE_OHM": round(limits.IMPEDANCE_OHM.hard.maximum),
        "WAND_NET_CURRENT_NA": micro(limits.NET_CHARGE.hard.maximum),
        "WAND_CUT_MS": limits.CUT_OFF_MS,
        "WAND_ZONE_S": round(limits.ZONE_S.hard.maximum),
        "WAND_CONTACTS": limits.CONTACTS,
        "MEASURED_UNCERTAINTY_PERMILLE": micro(limits.UNCERTAINTY[Grade.MEASURED]),
        "DECLARED_UNCERTAINTY_PERMILLE": micro(limits.UNCERTAINTY[Grade.DECLARED]),
        "DECLARED_SESSION_S": limits.DECLARED_DURATION_S,
        "UNCALIBRATED_SESSION_S": limits.UNCALIBRATED_DURATION_S,
        "UNCALIBRATED_FLUENCE_UJ_CM2": micro(limits.UNCALIBRATED_FLUENCE_J_CM2 * 1000),
        "UNCALIBRATED_IRRADIANCE_UW_CM2": micro(
            limits.UNCALIBRATED_FLUENCE_J_CM2 * 1000 / limits.UNCALIBRATED_DURATION_S
        ),
        "MASK_SESSION_S": round(limits.DURATION[Modality.MASK].hard.maximum),
        "WAND_SESSION_S": round(limits.DURATION[Modality.WAND].hard.maximum),
        "MASK_LEASE_MS": micro(limits.LEASE_S[Modality.MASK]),
        "WAND_LEASE_MS": micro(limits.LEASE_S[Modality.WAND]),
        "MASK_WINDOW_S": round(limits.WINDOW_S[Modality.MASK].hard.maximum),
        "WAND_WINDOW_S": round(limits.WINDOW_S[Modality.WAND].hard.maximum),
        "MASK_RAMP_MS": micro(limits.RAMP_S[Modality.MASK].default.minimum),
        "WAND_RAMP_MS": micro(limits.RAMP_S[Modality.WAND].default.minimum),
        "MASK_CONTACT_WINDOW_MS": micro(limits.CONTACT_WINDOW_S[Modality.MASK]),
        "WAND_CONTACT_WINDOW_MS": micro(limits.CONTACT_WINDOW_S[Modality.WAND]),
        "KEPT_MS": micro(limits.KEPT_S),
        "SESSION_LIFE_S": limits.SESSION_LIFE_S,
        "OFF_BEFORE_ON_MS": micro(limits.OFF_BEFORE_ON_S),
        "ON_EDGES": limits.ON_EDGES,
        "ON_EDGES_WINDOW_MS": micro(limits.ON_EDGES_WINDOW_S),
        "PWM_MINIMUM_HZ": round(limits.PWM_HZ.hard.minimum),
        "TEMPERATURE_WARN_CC": round(limits.TEMPERATURE_WARN_C * 100),
        "TEMPERATURE_DERATE_CC": round(limits.TEMPERATURE_DERATE_C * 100),
        "TEMPERATURE_STOP_CC": round(limits.TEMPERATURE_STOP_C * 100),
        "TEMPERATURE_LATCH_CC": round(limits.TEMPERATURE_LATCH_C * 100),
    }
)
"""Every number that core and firmware both have, in the firmware's unit."""

FIRMWARE_ONLY: Final = frozenset(
    {
        "WAND_HARDWARE_CURRENT_UA",
        "WAND_NET_WINDOW_MS",
        "WAND_NET_PATIENCE_MS",
        "WAND_OVER_CURRENT_PERMILLE",
        "WAND_OVER_CURRENT_UA",
        "WAND_CURRENT_STALE_MS",
        "LEASE_MINIMUM_MS",
        "NOT_AFTER_MS",
        "MASK_SILENCE_MS",
        "WAND_SILENCE_MS",
        "WATCHDOG_PERIOD_MS",
        "WATCHDOG_TRIPS",
        "TEMPERATURE_LEAST_CC",
        "TEMPERATURE_MOST_CC",
        "TEMPERATURE_STALE_MS",
        "TEMPERATURE_BACK_CC",
        "TEMPERATURE_FROZEN_MS",
        "IMPEDANCE_STALE_MS",
        "BUTTON_SHORT_MS",
        "BUTTON_RESET_MS",
        "BUTTON_RECENT_MS",
        "BROWN_OUT_MS",
        "PROFILE_GAP_S",
        "PROFILE_TEMPERATURE_CC",
        "RECORDS",
        "PROFILES",
        "CHARGES",
        "SAVE_IDLE_MS",
        "EPOCH_MINIMUM_S",
    }
)
"""What only the node knows of: how it reads its sensors, its button and its clock, keeps its
records and its people apart, and watches itself."""


def constants() -> dict[str, tuple[int, str]]:
    """Return value and comment of every constant of limits.h by name."""
    pattern = re.compile(r"inline constexpr uint32_t (\w+) = ([\d']+);\s*// (.+)")
    lines = LIMITS_H.read_text(encoding="utf-8").splitlines()
    found = [pattern.fullmatch(line.strip()) for line in lines if "constexpr" in line]
    assert all(found), "a constant is written differently"
    return {match[1]: (int(match[2].replace("'", "")), match[3]) for match in found if match}


def test_the_firmwares_ceilings_are_those_of_the_core() -> None:
    assert {
        name: value for name, (value, _) in constants().items() if name not in FIRMWARE_ONLY
    } == SHARED


def test_the_numbers_of_the_firmware_alone_are_in_its_file() -> None:
    assert set(constants()) >= FIRMWARE_ONLY


# --- docs/safety.md -------------------------------------------------------------------------------


def rows() -> list[tuple[str, ...]]:
    """Return the cells of every table row."""
    lines = SAFETY.read_text(encoding="utf-8").splitlines()
    return [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in lines
        if line.startswith("| ")
    ]


IDS: Final = {row[0] for row in rows()}


def bounds() -> Iterator[tuple[str, Limit]]:
    for name, value in vars(limits).items():
        for limit in value.values() if isinstance(value, MappingProxyType) else (value,):
            if isinstance(limit, Limit):
                yield name, limit


def cell(bound: Bound) -> str:
    """Return a bound as the tables write it: the maximum, unless the minimum is what matters."""
    if bound.source in {"L23", "M11"}:
        return f"at least {bound.minimum:g}"
    if bound.source in {"M5", "M8"}:
        return f"{bound.minimum:g} to {bound.maximum:g}"
    return f"{bound.maximum:g}"


@pytest.mark.parametrize(
    ("name", "limit"),
    bounds(),
    ids=lambda value: value if isinstance(value, str) else value.hard.source,
)
def test_every_limit_is_a_row_of_the_safety_page_with_its_numbers(name: str, limit: Limit) -> None:
    found = [row[2:5] for row in rows() if row[0] == limit.hard.source]
    assert (cell(limit.default), cell(limit.hard), limit.hard.unit) in found, name


def test_every_source_in_the_code_is_a_row_of_the_safety_page() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (*CORE.rglob("*.py"), LIMITS_H))
    for source in set(re.findall(r"\b[LM]\d{1,2}\b", text)):
        assert source in IDS, source


def test_every_hazard_and_limit_that_the_rules_name_is_a_row() -> None:
    for row in rows():
        for named in re.findall(r"\b[HLMX]\d{1,2}\b", " ".join(row)):
            assert named in IDS, (row[0], named)


def test_the_eleven_rules_are_there_each_with_a_test() -> None:
    rules = [row for row in rows() if re.match(r"\d+\. ", row[0])]
    assert [int(row[0].split(".")[0]) for row in rules] == list(range(1, 12))
    assert all("::test_" in row[4] for row in rules)


def test_every_invariant_of_the_node_has_a_property_and_a_fault_that_breaks_it() -> None:
    listed = {(row[2].strip("`"), row[3]) for row in rows() if re.fullmatch(r"I\d+", row[0])}
    mutants = tomllib.loads((ROOT / "tests/firmware/mutants.toml").read_text(encoding="utf-8"))[
        "mutant"
    ]
    assert listed == {
        (mutant["property"], mutant["breaks"]) for mutant in mutants if "property" in mutant
    }
    assert [int(row[0][1:]) for row in rows() if re.fullmatch(r"I\d+", row[0])] == [
        1,
        2,
        3,
        4,
        5,
        7,
        8,
        9,
        10,
    ]
    for named, _ in listed:
        file, _, name = named.partition("::")
        assert re.search(
            rf"^(def {name}\(|{name} = )", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE
        ), named


@pytest.mark.parametrize(
    "named",
    sorted(set(re.findall(r"`(tests/[\w/]+\.py::test_\w+)`", SAFETY.read_text(encoding="utf-8")))),
)
def test_every_test_that_the_safety_page_names_exists(named: str) -> None:
    file, _, name = named.partition("::")
    functions = {
        node.name
        for node in ast.walk(tree(ROOT / file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert name in functions


# --- words ----------------------------------------------------------------------------------------


def translations() -> dict[str, Any]:
    words: dict[str, Any] = json.loads(
        (INTEGRATION / "translations/en.json").read_text(encoding="utf-8")
    )
    return words


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_sentence(reason: Reason) -> None:
    assert translations()["exceptions"][reason.value]["message"]


@pytest.mark.parametrize("state", SessionState)
def test_every_state_has_its_word(state: SessionState) -> None:
    assert translations()["entity"]["sensor"]["session"]["state"][state.value]


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_its_word(fault: Fault) -> None:
    """Somewhere among the states of an entity or of an attribute: a key of its own, with a text."""
    assert words_of(translations(), fault.value)


def words_of(branch: Any, key: str) -> list[str]:
    """Return every text that stands under a key anywhere below."""
    if not isinstance(branch, dict):
        return []
    here = [branch[key]] if isinstance(branch.get(key), str) and branch[key] else []
    return here + [text for value in branch.values() for text in words_of(value, key)]


# --- actions and versions -------------------------------------------------------------------------

NUMBERS: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "duration_s": (1, max(limit.default.maximum for limit in limits.DURATION.values())),
        "current_ua": (limits.CURRENT.default.minimum, limits.CURRENT.default.maximum),
        "frequency_hz": (limits.FREQUENCY.default.minimum, limits.FREQUENCY.default.maximum),
        "window_s": (1, max(limit.hard.maximum for limit in limits.WINDOW_S.values())),
    }
)
"""The widest that is ever permitted, of both modalities: what holds for a device and a person is
for the gate to say, with the bound."""

EXTERNAL: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "duration_s": (external.DURATION.minimum, external.DURATION.maximum),
        "current_ua": (external.CURRENT.minimum, external.CURRENT.maximum),
    }
)
"""The bounds of an external session, which is recorded whatever it was."""


def test_the_numbers_of_the_actions_have_the_bounds_of_the_core() -> None:
    services = yaml.safe_load((INTEGRATION / "services.yaml").read_text(encoding="utf-8"))
    checked = set()
    for action, described in services.items():
        numbers = EXTERNAL if action == "log_session" else NUMBERS
        for name, field in fields_of((described or {}).get("fields", {})):
            if name in numbers and "number" in field.get("selector", {}):
                selector = field["selector"]["number"]
                assert (selector["min"], selector["max"]) == numbers[name], (action, name)
                checked.add(name)
    assert checked == set(NUMBERS)


def fields_of(fields: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every field, those in sections too."""
    for name, field in fields.items():
        if field and "fields" in field:
            yield from fields_of(field["fields"])
        else:
            yield name, field or {}


def test_the_version_is_the_newest_of_the_changelog() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[?v?(\d[\w.]*)", changelog, re.MULTILINE)
    assert (
        json.loads((INTEGRATION / "manifest.json").read_text(encoding="utf-8"))["version"]
        == released[0]
    )


def test_the_card_explains_every_cause_of_a_suspension_in_the_contract() -> None:
    contract = (ROOT / "docs/device-contract.md").read_text(encoding="utf-8")
    look = (INTEGRATION / "frontend/look.js").read_text(encoding="utf-8")
    causes = re.search(r"\*\*Suspended\*\* \(`cause` = (.*?)\)", contract)
    shown = re.search(r"const CAUSES = (\[.*?\]);", look)
    assert causes is not None
    assert shown is not None
    assert re.findall(r"`(\w+)`", causes[1]) == json.loads(shown[1])
