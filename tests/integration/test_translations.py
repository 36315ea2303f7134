"""Translations: every used one exists, every existing one is used, and the files are valid."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
import json
from pathlib import Path
import re
from string import Formatter
from typing import Any

from homeassistant.const import Platform
from homeassistant.util.yaml import load_yaml_dict
import pytest

import custom_components.facial_therapy
from custom_components.facial_therapy import (
    binary_sensor,
    button,
    calendar,
    condition,
    event,
    light,
    number,
    person_sensor,
    select,
    sensor,
    switch,
    trigger,
)
from custom_components.facial_therapy.const import DEVICE_PLATFORMS, DOMAIN, PERSON_PLATFORMS
from custom_components.facial_therapy.core.gate.screening import Condition, Treatment
from custom_components.facial_therapy.core.model import Channel, Fault, Outcome, SkinType
from custom_components.facial_therapy.core.recipes import BUILT_IN
from custom_components.facial_therapy.core.refusal import Reason, Refusal
from custom_components.facial_therapy.core.routine.steps import Act, IfRefused
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.core.session_parameters import MANUAL
from custom_components.facial_therapy.devices.port import Problem
from custom_components.facial_therapy.entity import FacialTherapyDescription, PersonDescription
from custom_components.facial_therapy.flows import options, person, screening
from custom_components.facial_therapy.people.registry import REACTIONS
from custom_components.facial_therapy.routines.reminders import WHEN_DUE
from custom_components.facial_therapy.text.errors import placeholders
from custom_components.facial_therapy.text.issues import SCREENING_ISSUES

FOLDER = Path(custom_components.facial_therapy.__file__).parent
FLOWS = [
    FOLDER / f"{name}.py"
    for name in ("config_flow", "flows/person", "flows/screening", "flows/options")
]
ROOT = FOLDER.parent.parent
LANGUAGES = sorted(path.stem for path in (FOLDER / "translations").glob("*.json"))
WORDS: dict[str, Any] = json.loads((FOLDER / "translations" / "en.json").read_text())
ICONS: dict[str, Any] = json.loads((FOLDER / "icons.json").read_text())
MANIFEST: dict[str, Any] = json.loads((FOLDER / "manifest.json").read_text())
SERVICES = load_yaml_dict(str(FOLDER / "services.yaml"))
DESCRIPTIONS: dict[Platform, tuple[FacialTherapyDescription | PersonDescription, ...]] = {
    Platform.BINARY_SENSOR: (*binary_sensor.DESCRIPTIONS, binary_sensor.DUE),
    Platform.BUTTON: (*button.DESCRIPTIONS, *button.STEP_DESCRIPTIONS),
    Platform.CALENDAR: (calendar.PLAN,),
    Platform.EVENT: (event.SESSION, event.EXTERNAL, event.ROUTINE),
    Platform.LIGHT: light.DESCRIPTIONS,
    Platform.NUMBER: number.DESCRIPTIONS,
    Platform.SELECT: (*select.DESCRIPTIONS, select.PLAN),
    Platform.SENSOR: (
        *sensor.DESCRIPTIONS,
        *person_sensor.DESCRIPTIONS,
        *person_sensor.ROUTINE_DESCRIPTIONS,
    ),
    Platform.SWITCH: (switch.SESSION,),
}
PROBED = {
    Problem.ESPHOME_MISSING,
    Problem.CANNOT_CONNECT,
    Problem.INVALID_AUTH,
    Problem.WRONG_DEVICE,
    Problem.WRONG_CONTRACT,
}
"""What a probe can fail with."""
ALWAYS_THERE = {"homeassistant", "persistent_notification", "repairs"}
"""Components that hassfest lets everybody use, since Home Assistant does not start without them, or
for a platform file of theirs."""
ABORTS_OF_HOME_ASSISTANT = {"already_configured", "already_in_progress", "reconfigure_successful"}
PROGRAMS = {*BUILT_IN, MANUAL}


def texts(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Every sentence with its path."""
    for key, value in tree.items():
        if isinstance(value, str):
            yield f"{path}{key}", value
        else:
            yield from texts(value, f"{path}{key}.")


def named(text: str) -> set[str]:
    """The placeholders of a sentence."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@cache
def calls() -> list[ast.Call]:
    """Every call in the integration."""
    return [
        node
        for path in sorted(FOLDER.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    ]


def called(name: str) -> list[ast.Call]:
    """The calls of a function or method."""
    return [
        call
        for call in calls()
        if (
            call.func.attr
            if isinstance(call.func, ast.Attribute)
            else getattr(call.func, "id", None)
        )
        == name
    ]


def words(call: ast.Call) -> set[str]:
    """The names of the keyword arguments."""
    return {keyword.arg for keyword in call.keywords if keyword.arg is not None}


def constant(call: ast.Call, name: str) -> str | None:
    """A keyword argument that is a literal."""
    values = [
        keyword.value.value
        for keyword in call.keywords
        if keyword.arg == name and isinstance(keyword.value, ast.Constant)
    ]
    return str(values[0]) if values else None


def strings(nodes: list[ast.Call]) -> set[str]:
    """Every literal in some calls."""
    return {
        str(node.value)
        for call in nodes
        for node in ast.walk(call)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


CLAIMS = {
    "en": r"\b(cur(e|es|ed|ing)|heal(s|ing)?|acne|rosacea|wrinkles?|anti-?ag\w*|rejuvenat\w*"
    r"|regenerat\w*|lymph\w*|collagen|detox\w*|clinically|proven"
    r"|guarante\w*|therapeutic|remed\w*|eliminat\w*|reduces?"
    r"|lifts? (the|your) (face|skin|jaw)\w*)\b",
    "de": r"\b(heil(t|en|ung|end)\w*|kurier\w*|akne|rosazea|falten|anti-?aging|verjüng\w*"
    r"|regenerier\w*|lymph\w*|kollagen|entgift\w*|klinisch|bewiesen"
    r"|garantier\w*|therapeutisch\w*)\b",
}
"""Words that promise what only a medicine may, or what nobody has shown."""


def test_nothing_that_is_said_of_a_program_claims_to_cure_or_promises_anything() -> None:
    for language, claims in CLAIMS.items():
        said = json.loads((FOLDER / "translations" / f"{language}.json").read_text())
        asked = ".condition.options."  # the questions name illnesses: for whom it is not
        assert not [
            (key, found.group())
            for key, text in texts(said)
            if asked not in f".{key}" and (found := re.search(claims, text, re.IGNORECASE))
        ]
    assert re.search(CLAIMS["en"], "It heals acne") is not None
    programs = (FOLDER.parents[1] / "docs" / "programs.md").read_text()
    assert re.search(CLAIMS["en"], programs, re.IGNORECASE) is None
    for key in BUILT_IN:
        text = WORDS["common"][f"about_{key}"]
        assert text[0].upper() + text[1:] in programs


# --- exceptions -----------------------------------------------------------------------------------


def provided() -> dict[str, set[str]]:
    """The placeholders that every way to a key of an exception provides."""
    found: dict[str, set[str]] = {
        reason.value: set(placeholders(Refusal(reason=reason))) for reason in Reason
    }
    for call in called("DeviceError"):
        if call.args and isinstance(problem := call.args[0], ast.Attribute):
            key = Problem[problem.attr].value
            found[key] = found.get(key, words(call)) & words(call)
    return found


def targets() -> dict[str, set[str]]:
    """The error keys of invalid targets and users: every literal of these modules that is a key."""
    trees = [
        ast.parse((FOLDER / module).read_text())
        for module in ("actions/targets.py", "people/permissions.py")
    ]
    literals = {
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    known = WORDS["exceptions"].keys() & literals
    return {key: {"device", "entity"} for key in known}


def test_every_refusal_and_problem_has_its_words_and_no_words_are_left_over() -> None:
    keys = (
        {reason.value for reason in Reason}
        | {problem.value for problem in Problem}
        | targets().keys()
    )
    assert WORDS["exceptions"].keys() == keys
    assert all(message.keys() == {"message"} for message in WORDS["exceptions"].values())


def test_every_key_that_is_named_in_a_call_exists() -> None:
    named_keys = {
        constant(call, "translation_key")
        for name in ("ServiceValidationError", "HomeAssistantError")
        for call in called(name)
    }
    named_keys |= {
        str(call.args[0].value)
        for call in called("_error")
        if call.args and isinstance(call.args[0], ast.Constant)
    }
    assert named_keys - {None} <= WORDS["exceptions"].keys()


def test_every_placeholder_of_an_exception_is_provided() -> None:
    known = provided() | targets()
    missing = {
        key: named(text["message"]) - known.get(key, set())
        for key, text in WORDS["exceptions"].items()
    }
    assert not {key: names for key, names in missing.items() if names}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything_with_the_same_placeholders(language: str) -> None:
    """A missing text or an unknown placeholder would be an empty answer."""
    english, other = (
        dict(texts(WORDS)),
        dict(texts(json.loads((FOLDER / "translations" / f"{language}.json").read_text()))),
    )
    assert list(other) == list(english)
    assert {path: named(text) for path, text in other.items()} == {
        path: named(text) for path, text in english.items()
    }
    assert not {
        path
        for path, text in other.items()
        if text != text.strip()
        or not text
        or re.search(r"https?://|www\.|<[a-z/]|\[%key|'\{\w+\}'", text)
    }


@pytest.mark.parametrize("reason", list(Reason))
def test_every_refusal_reads_well_without_numbers(reason: Reason) -> None:
    sentence = WORDS["exceptions"][reason.value]["message"].format(
        **placeholders(Refusal(reason=reason))
    )
    assert "  " not in sentence
    assert " ." not in sentence
    assert sentence.endswith(".")


# --- entities -------------------------------------------------------------------------------------


def test_every_platform_is_looked_at() -> None:
    assert DESCRIPTIONS.keys() == {*DEVICE_PLATFORMS, *PERSON_PLATFORMS}


@pytest.mark.parametrize("platform", list(DESCRIPTIONS))
def test_every_entity_has_a_name_and_an_icon_and_none_is_left_over(platform: Platform) -> None:
    keys = {description.key for description in DESCRIPTIONS[platform]}
    assert WORDS["entity"][platform].keys() == keys
    assert all(entity["name"] for entity in WORDS["entity"][platform].values())
    assert ICONS["entity"][platform].keys() == keys


def test_no_two_names_on_a_page_of_a_device_are_the_same_in_one_platform() -> None:
    for entities in WORDS["entity"].values():
        names = [entity["name"] for entity in entities.values()]
        assert len(names) == len(set(names))


def test_every_state_has_its_words() -> None:
    entity = WORDS["entity"]
    assert entity["sensor"]["session"]["state"].keys() == set(SessionState)
    assert set(ICONS["entity"]["sensor"]["session"]["state"]) <= set(SessionState)
    assert entity["select"]["program"]["state"].keys() == PROGRAMS
    attributes = entity["event"]["session"]["state_attributes"]
    assert attributes["event_type"]["state"].keys() == set(event.SESSION.event_types or [])
    assert attributes["program"]["state"].keys() == PROGRAMS
    assert attributes["outcome"]["state"].keys() == set(Outcome)
    assert entity["binary_sensor"]["fault"]["state_attributes"]["fault"]["state"].keys() == set(
        Fault
    )


# --- actions --------------------------------------------------------------------------------------


def fields(service: Mapping[str, Any] | None) -> tuple[dict[str, Any], set[str]]:
    """The fields of an action, out of their sections, and the sections."""
    flat: dict[str, Any] = {}
    sections = set()
    for key, field in ((service or {}).get("fields") or {}).items():
        if "fields" in field:
            sections.add(key)
            flat |= field["fields"]
        else:
            flat[key] = field
    return flat, sections


def test_every_action_has_its_words_and_its_icon() -> None:
    registered = {
        str(call.args[0].value)
        for call in called("register")
        if isinstance(call.args[0], ast.Constant)
    }
    assert SERVICES.keys() == registered
    assert WORDS["services"].keys() == registered
    assert ICONS["services"].keys() == registered


@pytest.mark.parametrize("service", SERVICES)
def test_every_field_of_an_action_has_its_words(service: str) -> None:
    flat, sections = fields(SERVICES[service])
    said = WORDS["services"][service]
    assert said["name"]
    assert said["description"]
    assert said.get("fields", {}).keys() == flat.keys()
    assert all(field.keys() == {"name", "description"} for field in said.get("fields", {}).values())
    assert said.get("sections", {}).keys() == sections
    assert set(ICONS["services"][service].get("sections", {})) == sections


@pytest.mark.parametrize(("kind", "icon"), [("triggers", "trigger"), ("conditions", "condition")])
def test_every_trigger_and_condition_has_its_words_its_fields_and_its_icon(
    kind: str, icon: str
) -> None:
    described = load_yaml_dict(str(FOLDER / f"{kind}.yaml"))
    assert (
        set(described)
        == set(trigger.TRIGGERS if kind == "triggers" else condition.CONDITIONS)
        == set(WORDS[kind])
        == set(ICONS[kind])
    )
    for key, said in WORDS[kind].items():
        assert said["name"]
        assert said["description"]
        assert said.get("fields", {}).keys() == described[key].get("fields", {}).keys()
        assert ICONS[kind][key][icon].startswith("mdi:")


def test_every_selector_has_its_words() -> None:
    used: dict[str, set[str]] = {
        "skin_type": set(SkinType),
        "condition": set(Condition),
        "treatment": set(Treatment),
        "reaction": set(REACTIONS),
    }
    used["when_due"] = set(WHEN_DUE)
    for service in SERVICES.values():
        for field in fields(service)[0].values():
            if (choice := (field["selector"].get("select") or {})) and "translation_key" in choice:
                used[choice["translation_key"]] = set(choice["options"])
    used |= {"channel": set(Channel), "act": set(Act), "if_refused": set(IfRefused)}  # of flows
    assert {key: set(selector["options"]) for key, selector in WORDS["selector"].items()} == used
    assert used["program"] == PROGRAMS


# --- the flows ------------------------------------------------------------------------------------


OPTIONS = {str(field) for field in options.SCHEMA.schema}
QUESTIONS = {"conditions", "confirmed"}
DATA: dict[str, set[str]] = {
    "device": {"mac"},
    "person": {"name", "person", "notify"},
    "details": {"name", "person", "notify", "ask_skin"},
    "screening": {str(field) for field in screening.SCREENING.schema},
    "screening_mask": QUESTIONS,
    "screening_wand": QUESTIONS,
    "clinician": set(screening.CLINICIAN_FIELDS.values()),
    "skin_type": {"skin_type"},
    "plan": {str(field) for field in person.PLAN_SCHEMA} | {"program"},
    "first_plan": {"program", "evenings", "devices"},
    "next_phase": {"wand_every_weeks"},
    "block": {"treatments", "treated_on"},
    "report": {"reaction"},
    "clear": {"confirmed"},
    "erase": {"confirmed"},
    "init": OPTIONS,
    "waiting": OPTIONS,
}
"""The fields of every step."""
NAMED = {
    "discovery_confirm": {"device"},
    "refresh": {"device"},
    "unblock": {"ends_at"},
    "erase": {"person"},
    "plan": {"programs"},
    "next_phase": {"program"},
    "first_plan": {"person", "programs"},
    "waiting": {"loosened_at"},
    "later": {"loosened_at"},
}
"""The placeholders of every step."""
MENUS = {
    "user": {"device", "person"},
    "reconfigure": {
        "details",
        "plan",
        "next_phase",
        "screening",
        "skin_type",
        "block",
        "unblock",
        "report",
        "clear",
        "erase",
    },
}


def test_every_step_has_its_words() -> None:
    steps = {
        step
        for name in ("async_show_form", "async_show_menu")
        for call in called(name)
        if (step := constant(call, "step_id"))
    }
    said = WORDS["config"]["step"] | WORDS["options"]["step"]
    # One call shows both of a pair; a repair confirms, or asks whose it was.
    assert said.keys() | {"confirm", "whose"} == steps | {"init", "waiting", "plan", "first_plan"}
    assert WORDS["options"]["step"].keys() == {"init", "waiting", "later"}
    for step, words_ in said.items():
        assert (
            words_.get("data", {}).keys()
            == DATA.get(step, set())
            == words_.get("data_description", {}).keys()
        )
        assert (
            words_.get("menu_options", {}).keys()
            == MENUS.get(step, set())
            == words_.get("menu_option_descriptions", {}).keys()
        )
        assert named(" ".join(text for _, text in texts(words_))) == NAMED.get(step, set())
    assert named(WORDS["config"]["flow_title"]) == {"name"}


def test_every_error_and_end_of_a_flow_has_its_words() -> None:
    config = WORDS["config"]
    literals = {
        node.value
        for path in FLOWS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert config["error"].keys() - {problem.value for problem in PROBED} <= literals
    assert {problem.value for problem in PROBED} | {"busy", "name_length", "name_taken"} <= config[
        "error"
    ].keys()
    aborts = {reason for call in called("async_abort") if (reason := constant(call, "reason"))}
    unfit = {"unfit_mask", "unfit_wand", "unfit_both"}
    assert config["abort"].keys() == aborts | ABORTS_OF_HOME_ASSISTANT | unfit
    assert config["create_entry"].keys() == unfit
    assert WORDS["options"]["error"].keys() == {"not_finite"}
    given = provided_by_probe() | {"too_early": {"allowed_at"}}
    assert not {
        key: names
        for key, text in config["error"].items()
        if (names := named(text) - given.get(key, set()))
    }
    assert not [key for key, text in config["abort"].items() if named(text)]


def provided_by_probe() -> dict[str, set[str]]:
    """The placeholders of the problems, without those of refusals of the same name."""
    found: dict[str, set[str]] = {}
    for call in called("DeviceError"):
        if call.args and isinstance(problem := call.args[0], ast.Attribute):
            key = Problem[problem.attr].value
            found[key] = found.get(key, words(call)) & words(call)
    return found


# --- repairs --------------------------------------------------------------------------------------


def test_every_repair_has_its_words_and_every_placeholder_a_value() -> None:
    source = "".join(
        (FOLDER / name).read_text() for name in ("text/issues.py", "storage/health.py")
    )
    literals = strings(
        [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    ) | set(re.findall(r'"(\w+)"', source))
    assert WORDS["issues"].keys() <= literals
    for call in called("async_create_issue"):
        if key := constant(call, "translation_key"):
            assert key in WORDS["issues"]
    given = {
        "wrong_contract": {"device", "version"},
        "esphome_removed": {"device"},
        "esphome_disabled": {"device"},
        "foreign_session": {"device", "sessions"},
    }
    given |= {key: {"person", "date"} for key in SCREENING_ISSUES}
    given |= {"holds_unreadable": {"date"}, "eligibility_unreadable": {"person"}}
    given |= {"store_failed": {"error"}, "clock_forward": {"hours"}, "clock_back": {"hours"}}
    for key, said in WORDS["issues"].items():
        fixed = key in ("ledger_unreadable", "foreign_session")
        assert said.keys() == ({"title", "fix_flow"} if fixed else {"title", "description"})
        assert named(" ".join(text for _, text in texts(said))) <= given.get(key, set())
    assert WORDS["issues"]["ledger_unreadable"]["fix_flow"].keys() == {"step", "error"}
    assert WORDS["issues"]["ledger_unreadable"]["fix_flow"]["step"].keys() == {"confirm"}
    assert WORDS["issues"]["foreign_session"]["fix_flow"].keys() == {"step", "error"}
    assert WORDS["issues"]["foreign_session"]["fix_flow"]["step"].keys() == {"confirm", "whose"}


# --- what the validators look at, and what they miss ----------------------------------------------


def test_the_words_are_plain() -> None:
    for path, text in texts(WORDS):
        assert text == text.strip() != "", path
        assert not re.search(r"https?://|www\.|<[a-z/]|\[%key|'\{\w+\}'", text), path
        assert all(re.fullmatch(r"[a-z0-9_]+", part) for part in path.split(".")), path
        assert all(re.fullmatch(r"[a-z_]+", name) for name in named(text)), path


def test_the_icons_are_icons() -> None:
    assert all(re.fullmatch(r"mdi:[a-z0-9]+(-[a-z0-9]+)*", icon) for _, icon in texts(ICONS))


def test_the_manifest_is_in_order() -> None:
    keys = list(MANIFEST)
    assert keys == ["domain", "name", *sorted(keys[2:])]
    assert MANIFEST["domain"] == DOMAIN == FOLDER.name
    assert re.fullmatch(r"\d+\.\d+\.\d+", MANIFEST["version"])
    assert MANIFEST["requirements"] == []
    assert all(handle.startswith("@") for handle in MANIFEST["codeowners"])
    assert MANIFEST["documentation"].startswith("https://github.com/")
    assert MANIFEST["issue_tracker"].startswith("https://github.com/")
    for matcher in MANIFEST["zeroconf"]:
        assert all(
            pattern == pattern.lower() for pattern in matcher["properties"].values()
        )  # an upper-case pattern never matches


def test_every_component_that_is_imported_is_declared() -> None:
    imported: set[str] = set()
    for path in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
                if node.module == "homeassistant.components":
                    imported |= {alias.name for alias in node.names}
                elif node.module.startswith("homeassistant.components."):
                    imported.add(node.module.split(".")[2])
    assert imported - set(Platform) <= {
        *MANIFEST["after_dependencies"],
        *MANIFEST.get("dependencies", ()),
        *ALWAYS_THERE,
    }


def test_the_version_is_the_same_everywhere_and_hacs_can_read_its_file() -> None:
    assert f"## [{MANIFEST['version']}]" in (ROOT / "CHANGELOG.md").read_text()
    hacs = json.loads((ROOT / "hacs.json").read_text())
    assert hacs == {"name": MANIFEST["name"], "homeassistant": "2026.10.0"}
    assert not list(ROOT.glob("*manifest.json"))
    assert {path.name for path in (FOLDER / "brand").iterdir()} >= {
        "icon.png",
        "icon@2x.png",
        "logo.png",
    }


def test_the_quality_scale_has_every_rule_and_a_reason_for_what_is_left_out() -> None:
    rules = load_yaml_dict(str(FOLDER / "quality_scale.yaml"))["rules"]
    assert len(rules) == 54
    for rule, status in rules.items():
        assert status in ("done", "todo") or (
            status["status"] in ("exempt", "todo", "done") and status["comment"]
        ), rule
