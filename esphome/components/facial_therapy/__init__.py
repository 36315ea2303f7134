"""Schema and code generation of a governed node: a mask or a wand.

Every number is checked against the compiled ceilings of `limits.h`, so that a mistake in YAML is an
error here and not a node that refuses every session.
"""

# ruff: noqa: EM101, EM102, TRY003 - cv.Invalid carries the sentence that a person reads

from collections.abc import Callable
import math
from pathlib import Path
import re

import esphome.codegen as cg
import esphome.config_validation as cv
from esphome.const import (
    CONF_CHANNEL,
    CONF_CHANNELS,
    CONF_ID,
    CONF_NAME,
    CONF_PIN,
    CONF_TEMPERATURE,
    CONF_TRIGGER_ID,
    PLATFORM_ESP32,
    PLATFORM_HOST,
)
from esphome.core import CORE, ID, CoroPriority, Lambda, coroutine_with_priority
from esphome.cpp_generator import MockObj
import esphome.final_validate as fv
from esphome.types import ConfigType, TemplateArgsType

from esphome import automation, pins
from esphome.components import binary_sensor, ota, sensor, text_sensor, time

AUTO_LOAD = ["binary_sensor", "sensor", "text_sensor"]
DEPENDENCIES = ["api"]

CONF_MODALITY = "modality"
CONF_IRRADIANCE = "irradiance_mw_cm2"
CONF_MAXIMUM = "maximum_mw_cm2"
CONF_CALIBRATION = "calibration"
CONF_GRADE = "grade"
CONF_UNCERTAINTY = "uncertainty"
CONF_EYE_SHIELD = "eye_shield"
CONF_EYE_SHIELD_SENSOR = "eye_shield_sensor"
CONF_WORN = "worn"
CONF_IMPEDANCE = "impedance"
CONF_IMPEDANCE_MINIMUM = "impedance_minimum_ohm"
CONF_IMPEDANCE_MAXIMUM = "impedance_maximum_ohm"
CONF_CHARGING = "charging"
CONF_BUTTON = "button"
CONF_RTC = "rtc"
CONF_CONTACT_AREA = "contact_area_mm2"
CONF_CURRENT = "current_ua"
CONF_DURATION = "duration_s"
CONF_PWM = "pwm_hz"
CONF_INDICATOR_PIN = "indicator_pin"
CONF_WATCHDOG_PIN = "watchdog_pin"
CONF_WAVEFORM = "waveform"
CONF_SENSED_CURRENT = "sensed_current"
CONF_FULL_CURRENT = "full_current_ua"
CONF_ENABLE_PIN = "enable_pin"
CONF_POSITIVE_PIN = "positive_pin"
CONF_NEGATIVE_PIN = "negative_pin"
CONF_AMPLITUDE_PIN = "amplitude_pin"
CONF_COMPARATOR_PIN = "comparator_pin"
CONF_ON_ZONE = "on_zone"
CONF_TELEMETRY = "telemetry"
CONF_DESCRIPTION = "description"

# In full: the generated code uses namespace esphome, where `facial_therapy` would be ambiguous.
facial_therapy_ns = cg.global_ns.namespace("esphome::facial_therapy")
FacialTherapy = facial_therapy_ns.class_("FacialTherapy", cg.Component)
Grade = facial_therapy_ns.enum("Grade", is_class=True)
EyeShield = facial_therapy_ns.enum("EyeShield", is_class=True)
ZoneTrigger = automation.Trigger.template(cg.uint32)

# One copy of the ceilings in the firmware: the schema reads the header.
LIMITS: dict[str, int] = {
    name: int(value.replace("'", ""))
    for name, value in re.findall(
        r"^inline constexpr uint32_t (\w+) = ([\d']+);",
        (Path(__file__).parent / "limits.h").read_text("utf-8"),
        re.MULTILINE,
    )
}

PLACES = ("red", "near_infrared", "blue", "amber")
"""Wire number minus one."""

GRADES = {"none": Grade.NONE, "declared": Grade.DECLARED, "measured": Grade.MEASURED}
EYE_SHIELDS = {"none": EyeShield.NONE, "fixed": EyeShield.FIXED, "sensed": EyeShield.SENSED}

BATTERY_BACKED = ("bm8563", "ds1307", "pcf85063", "pcf8563", "rx8025t", "rx8130")
"""Platforms of `time:` that read a clock with a battery of its own."""

WAND_PINS = (
    CONF_ENABLE_PIN,
    CONF_POSITIVE_PIN,
    CONF_NEGATIVE_PIN,
    CONF_AMPLITUDE_PIN,
    CONF_COMPARATOR_PIN,
)
OUR_PINS = (*WAND_PINS, CONF_INDICATOR_PIN, CONF_WATCHDOG_PIN)
CONVERTER_PINS = (25, 26)
"""The pins of the ESP32 that a digital-to-analog converter drives."""

PROJECT = "facial_therapy"
CONNECTIONS = 10


def bounded(
    field: str, minimum: float, maximum: float, unit: str, *, whole: bool = False
) -> Callable[[object], float]:
    """Return a validator of a number, bounds included; its error names the field and the bounds."""

    def validate(value: object) -> float:
        refusal = (
            f"{field} must be a {'whole ' if whole else ''}number "
            f"from {minimum:g} to {maximum:g} {unit}, not {value!r}"
        )
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not math.isfinite(value)
        ):
            raise cv.Invalid(refusal)
        if not minimum <= value <= maximum or (whole and value != int(value)):
            raise cv.Invalid(refusal)
        return int(value) if whole else float(value)

    return validate


def _irradiance_ceiling(channel: str) -> float:
    return LIMITS[f"MASK_{channel.upper()}_IRRADIANCE_UW_CM2"] / 1000


def _channel(value: ConfigType) -> ConfigType:
    """Hold one channel of a mask to the ceiling of its color."""
    ceiling = _irradiance_ceiling(value[CONF_CHANNEL])
    for key in (CONF_IRRADIANCE, CONF_MAXIMUM):
        if key in value:
            with cv.prepend_path([key]):
                field = f"{key} of {value[CONF_CHANNEL]}"
                value[key] = bounded(field, 0.001, ceiling, "mW/cm2")(value[key])
    return value


CHANNEL_SCHEMA = cv.All(
    cv.Schema(
        {
            cv.Required(CONF_CHANNEL): cv.one_of(*PLACES, lower=True),
            cv.Optional(CONF_PIN): pins.internal_gpio_output_pin_number,
            cv.Optional(CONF_IRRADIANCE): cv.Any(object),
            cv.Optional(CONF_MAXIMUM): cv.Any(object),
        }
    ),
    _channel,
)


def _text_sensor(name: str) -> cv.Schema:
    """One line for the integration: hidden from people, and from the recorder."""
    return text_sensor.text_sensor_schema(entity_category="diagnostic").extend(
        {
            cv.Optional(CONF_NAME, default=name): cv.string_strict,
            cv.Optional("disabled_by_default", default=True): cv.boolean,
        }
    )


def _waveform(value: object) -> str:
    """Allow the only one there is: anything else leaves charge under the skin."""
    if value != "biphasic":
        raise cv.Invalid(
            f"{CONF_WAVEFORM} must be biphasic, not {value!r}: "
            "direct and one-sided current burns skin"
        )
    return "biphasic"


CALIBRATION_SCHEMA = cv.Schema(
    {
        cv.Required(CONF_GRADE): cv.enum(GRADES, lower=True),
        cv.Optional(CONF_UNCERTAINTY): bounded(
            CONF_UNCERTAINTY, LIMITS["MEASURED_UNCERTAINTY_PERMILLE"] / 1000, 1, "(0.2 is 20 %)"
        ),
    }
)

COMMON_SCHEMA = cv.Schema(
    {
        cv.GenerateID(): cv.declare_id(FacialTherapy),
        cv.Required(CONF_CALIBRATION): CALIBRATION_SCHEMA,
        cv.Required(CONF_BUTTON): cv.use_id(binary_sensor.BinarySensor),
        cv.Optional(CONF_RTC): cv.use_id(time.RealTimeClock),
        cv.Optional(CONF_WATCHDOG_PIN): pins.internal_gpio_output_pin_number,
        cv.Optional(CONF_TELEMETRY, default={}): _text_sensor("Telemetry"),
        cv.Optional(CONF_DESCRIPTION, default={}): _text_sensor("Description"),
    }
).extend(cv.COMPONENT_SCHEMA)

MASK_SCHEMA = COMMON_SCHEMA.extend(
    {
        cv.Required(CONF_CHANNELS): cv.All(
            cv.ensure_list(CHANNEL_SCHEMA), cv.Length(min=1, max=len(PLACES))
        ),
        cv.Required(CONF_EYE_SHIELD): cv.enum(EYE_SHIELDS, lower=True),
        cv.Optional(CONF_EYE_SHIELD_SENSOR): cv.use_id(binary_sensor.BinarySensor),
        cv.Optional(CONF_WORN): cv.use_id(binary_sensor.BinarySensor),
        cv.Required(CONF_TEMPERATURE): cv.use_id(sensor.Sensor),
        cv.Optional(CONF_PWM, default=16_000): bounded(
            CONF_PWM, LIMITS["PWM_MINIMUM_HZ"], 40_000, "Hz", whole=True
        ),
        cv.Optional(CONF_INDICATOR_PIN): pins.internal_gpio_output_pin_number,
        cv.Optional(CONF_DURATION, default=LIMITS["MASK_SESSION_S"]): bounded(
            CONF_DURATION, 1, LIMITS["MASK_SESSION_S"], "s", whole=True
        ),
    }
)

WAND_SCHEMA = COMMON_SCHEMA.extend(
    {
        cv.Required(CONF_IMPEDANCE): cv.use_id(sensor.Sensor),
        cv.Optional(CONF_IMPEDANCE_MINIMUM, default=500): bounded(
            CONF_IMPEDANCE_MINIMUM,
            LIMITS["WAND_IMPEDANCE_MINIMUM_OHM"],
            LIMITS["WAND_IMPEDANCE_OHM"],
            "ohm",
            whole=True,
        ),
        cv.Optional(CONF_IMPEDANCE_MAXIMUM, default=15_000): bounded(
            CONF_IMPEDANCE_MAXIMUM,
            LIMITS["WAND_IMPEDANCE_MINIMUM_OHM"],
            LIMITS["WAND_IMPEDANCE_OHM"],
            "ohm",
            whole=True,
        ),
        cv.Required(CONF_CHARGING): cv.use_id(binary_sensor.BinarySensor),
        cv.Optional(CONF_TEMPERATURE): cv.use_id(sensor.Sensor),
        cv.Required(CONF_SENSED_CURRENT): cv.use_id(sensor.Sensor),
        cv.Optional(CONF_WAVEFORM, default="biphasic"): _waveform,
        **{
            cv.Optional(pin): pins.internal_gpio_output_pin_number
            for pin in WAND_PINS
            if pin != CONF_COMPARATOR_PIN
        },
        cv.Optional(CONF_COMPARATOR_PIN): pins.internal_gpio_input_pin_number,
        cv.Optional(CONF_FULL_CURRENT): bounded(
            CONF_FULL_CURRENT, 1, LIMITS["WAND_HARDWARE_CURRENT_UA"], "uA", whole=True
        ),
        cv.Optional(CONF_ON_ZONE): automation.validate_automation(
            {cv.GenerateID(CONF_TRIGGER_ID): cv.declare_id(ZoneTrigger)}
        ),
        cv.Required(CONF_CONTACT_AREA): bounded(CONF_CONTACT_AREA, 1, 10_000, "mm2", whole=True),
        cv.Optional(CONF_CURRENT): cv.Any(object),
        cv.Optional(CONF_DURATION, default=LIMITS["WAND_SESSION_S"]): bounded(
            CONF_DURATION, 1, LIMITS["WAND_SESSION_S"], "s", whole=True
        ),
    }
)


def _validate_mask(config: ConfigType) -> ConfigType:
    """Check what concerns several keys of a mask."""
    names = [channel[CONF_CHANNEL] for channel in config[CONF_CHANNELS]]
    if len(set(names)) != len(names):
        msg = "a channel may be listed once only"
        raise cv.Invalid(msg, path=[CONF_CHANNELS])
    grade = str(config[CONF_CALIBRATION][CONF_GRADE])
    if grade == "none" and names != ["red"]:
        msg = "a mask without calibration (grade: none) may have the channel red only"
        raise cv.Invalid(msg, path=[CONF_CHANNELS])
    shield = str(config[CONF_EYE_SHIELD])
    if shield == "none" and (
        dangerous := [name for name in names if name in ("near_infrared", "blue")]
    ):
        msg = f"{' and '.join(dangerous)} needs an eye shield: eye_shield is none"
        raise cv.Invalid(msg, path=[CONF_EYE_SHIELD])
    if (shield == "sensed") != (CONF_EYE_SHIELD_SENSOR in config):
        msg = "eye_shield: sensed and eye_shield_sensor go together"
        raise cv.Invalid(msg, path=[CONF_EYE_SHIELD])
    for index, channel in enumerate(config[CONF_CHANNELS]):
        path = [CONF_CHANNELS, index]
        if (CONF_IRRADIANCE in channel) == (grade == "none"):
            must = (
                "must not be given without a calibration (grade: none)"
                if grade == "none"
                else "is missing"
            )
            msg = f"{CONF_IRRADIANCE} of {channel[CONF_CHANNEL]} {must}"
            raise cv.Invalid(msg, path=path)
        if CORE.is_esp32 and CONF_PIN not in channel:
            msg = f"pin of {channel[CONF_CHANNEL]} is missing"
            raise cv.Invalid(msg, path=path)
    if CORE.is_esp32 and "near_infrared" in names and CONF_INDICATOR_PIN not in config:
        raise cv.Invalid(
            f"{CONF_INDICATOR_PIN} is missing: "
            "near-infrared cannot be seen, so a red light has to show it"
        )
    return config


def _validate_wand(config: ConfigType) -> ConfigType:
    """Check what concerns several keys of a wand."""
    if CORE.is_esp32:
        for key in (*WAND_PINS, CONF_FULL_CURRENT):
            if key not in config:
                raise cv.Invalid(f"{key} is missing")
        if config[CONF_AMPLITUDE_PIN] not in CONVERTER_PINS:
            raise cv.Invalid(
                f"{CONF_AMPLITUDE_PIN} must be GPIO25 or GPIO26 of an ESP32: "
                "only these have a converter",
                path=[CONF_AMPLITUDE_PIN],
            )
    if str(config[CONF_CALIBRATION][CONF_GRADE]) == "none":
        msg = "a wand needs a calibration: grade must be declared or measured"
        raise cv.Invalid(msg, path=[CONF_CALIBRATION])
    if config[CONF_IMPEDANCE_MINIMUM] >= config[CONF_IMPEDANCE_MAXIMUM]:
        msg = f"{CONF_IMPEDANCE_MINIMUM} must be less than {CONF_IMPEDANCE_MAXIMUM}"
        raise cv.Invalid(msg, path=[CONF_IMPEDANCE_MINIMUM])
    ceiling = min(
        LIMITS["WAND_CURRENT_UA"],
        LIMITS["WAND_CURRENT_DENSITY_UA_CM2"] * config[CONF_CONTACT_AREA] // 100,
    )
    with cv.prepend_path([CONF_CURRENT]):
        config[CONF_CURRENT] = bounded(
            CONF_CURRENT, 1, ceiling, "uA for this contact area", whole=True
        )(config.get(CONF_CURRENT, ceiling))
    return config


def _validate_calibration(config: ConfigType) -> ConfigType:
    """An uncertainty belongs to a measurement, and only there."""
    calibration = config[CONF_CALIBRATION]
    measured = str(calibration[CONF_GRADE]) == "measured"
    if measured != (CONF_UNCERTAINTY in calibration):
        msg = "uncertainty belongs to grade measured, and only there"
        raise cv.Invalid(msg, path=[CONF_CALIBRATION])
    return config


def _require_converter(config: ConfigType) -> ConfigType:
    """Refuse a chip without the digital-to-analog converter that the wand's driver uses."""
    if CORE.is_esp32:
        from esphome.components.esp32 import VARIANT_ESP32, get_esp32_variant  # noqa: PLC0415 - only there on this platform

        if (variant := get_esp32_variant()) != VARIANT_ESP32:
            raise cv.Invalid(
                "the wand needs the digital-to-analog converter of the ESP32: "
                f"{variant} is not supported"
            )
    return config


CONFIG_SCHEMA = cv.All(
    cv.only_on([PLATFORM_ESP32, PLATFORM_HOST]),
    cv.typed_schema(
        {
            "mask": cv.All(MASK_SCHEMA, _validate_calibration, _validate_mask),
            "wand": cv.All(_require_converter, WAND_SCHEMA, _validate_calibration, _validate_wand),
        },
        key=CONF_MODALITY,
    ),
)


def _refuse_neighbors(full: ConfigType) -> None:
    """Refuse components that would take the node's promises back."""
    for name, why in {
        "factory_reset": "it would erase the records of sessions",
        "deep_sleep": "it would end output and records without a word",
        "captive_portal": "it takes firmware from anyone near",
    }.items():
        used = any(
            entry.get("platform") == name
            for platform in ("button", "switch")
            for entry in full.get(platform, [])
        )
        if name in full or used:
            raise cv.Invalid(f"{name} cannot be used with facial_therapy: {why}")
    if any(entry.get("platform") == "ledc" for entry in full.get("output", [])):
        raise cv.Invalid(
            "output: platform ledc cannot be used with facial_therapy: "
            "both would use the same timer and channels"
        )
    if any(entry.get("platform") == "web_server" for entry in full.get("ota", [])):
        raise cv.Invalid(
            "ota: platform web_server cannot be used with facial_therapy: "
            "it takes firmware without encryption"
        )


def _require_encryption(full: ConfigType) -> None:
    """Refuse an ESP32 that anyone near could command or replace."""
    if "encryption" not in full["api"]:
        raise cv.Invalid(
            "api needs encryption on ESP32: otherwise anyone near may command the node"
        )
    if any(
        "encryption" not in entry and not entry.get("password") for entry in full.get("ota", [])
    ):
        raise cv.Invalid(
            "ota needs encryption or a password on ESP32: "
            "otherwise anyone near may replace the firmware"
        )


def _require_staying_up(full: ConfigType) -> None:
    """Refuse a reboot during a session, and too few connections for the client of the session."""
    for name, without in {
        "api": "Home Assistant",
        "wifi": "Wi-Fi",
        "mqtt": "its broker",
        "wireguard": "its tunnel",
    }.items():
        if name in full and full[name]["reboot_timeout"].total_milliseconds != 0:
            raise cv.Invalid(
                f"{name} reboot_timeout must be 0s: "
                f"a node without {without} must not reboot in a session"
            )
    if full["api"]["max_connections"] < CONNECTIONS:
        raise cv.Invalid(
            f"api max_connections must be at least {CONNECTIONS}: "
            "the session's own connection must find room"
        )


def _require_battery_backed(full: ConfigType, config: ConfigType) -> None:
    """Refuse a clock set by the network: all platforms set the same one, and it clears windows."""
    platforms = [entry["platform"] for entry in full.get("time", [])]
    if CONF_RTC in config and (
        foreign := [name for name in platforms if name not in BATTERY_BACKED]
    ):
        raise cv.Invalid(
            "rtc must be a battery-backed clock and the only one: "
            f"time platform {foreign[0]} is none of {', '.join(BATTERY_BACKED)}"
        )


def _final_validate(config: ConfigType) -> ConfigType:
    """Look at everything around the component."""
    full = fv.full_config.get()
    _refuse_neighbors(full)
    if CORE.is_esp32:
        _require_encryption(full)
    _require_staying_up(full)
    _require_battery_backed(full, config)
    project = full["esphome"].get("project", {}).get("name")
    if project != f"{PROJECT}.{config[CONF_MODALITY]}":
        raise cv.Invalid(
            f"esphome project name must be {PROJECT}.{config[CONF_MODALITY]}: "
            "Home Assistant finds the node by it"
        )
    ours = [channel[CONF_PIN] for channel in config.get(CONF_CHANNELS, []) if CONF_PIN in channel]
    ours += [config[key] for key in OUR_PINS if key in config]
    for (platform, _, number), uses in pins.PIN_SCHEMA_REGISTRY.pins_used.items():
        if platform == CORE.target_platform and number in ours and len(uses) > 1:
            raise cv.Invalid(
                f"pin {number} is used twice: nothing else may use a pin of facial_therapy"
            )
    return config


FINAL_VALIDATE_SCHEMA = _final_validate


# The lambda of a contract action. It is not declared synchronous, so that ESPHome passes copies:
# arrays in its receive buffer cannot be copied, and api.respond, which follows, copies all of them.
@automation.register_action(
    "facial_therapy.command", automation.LambdaAction, cv.lambda_, synchronous=False
)
async def command_to_code(
    config: Lambda, action_id: ID, template_arg: cg.TemplateArguments, args: TemplateArgsType
) -> MockObj:
    """Generate the call of one action."""
    lambda_ = await cg.process_lambda(config, args, return_type=cg.void)
    return cg.new_Pvariable(action_id, template_arg, lambda_)


# Ahead of safe mode, which ends the generated setup(): gates are driven low there too.
@coroutine_with_priority(CoroPriority.CORE)
async def to_code(config: ConfigType) -> None:
    """Generate the component."""
    wand = config[CONF_MODALITY] == "wand"
    cg.add_define("FACIAL_THERAPY_WAND" if wand else "FACIAL_THERAPY_MASK")
    var = cg.new_Pvariable(config[CONF_ID])
    _pins_to_code(var, config)
    cg.add(var.gates_low())
    await cg.register_component(var, config)
    calibration = config[CONF_CALIBRATION]
    cg.add(
        var.set_calibration(
            calibration[CONF_GRADE].enum_value, round(calibration.get(CONF_UNCERTAINTY, 0) * 1000)
        )
    )
    cg.add(var.set_duration_s(config[CONF_DURATION]))
    if CORE.is_esp32:
        from esphome.components.esp32 import include_builtin_idf_component  # noqa: PLC0415 - only there on this platform

        for name in ("esp_driver_dac", "esp_driver_gptimer") if wand else ("esp_driver_ledc",):
            include_builtin_idf_component(name)
    if "ota" in CORE.loaded_integrations:
        ota.request_ota_state_listeners()

    for key, setter in (
        (CONF_TEMPERATURE, "set_temperature"),
        (CONF_BUTTON, "set_button"),
        (CONF_WORN, "set_worn"),
        (CONF_EYE_SHIELD_SENSOR, "set_shield"),
        (CONF_CHARGING, "set_charging"),
        (CONF_SENSED_CURRENT, "set_sensed_current"),
        (CONF_RTC, "set_rtc"),
    ):
        if key in config:
            cg.add(getattr(var, setter)(await cg.get_variable(config[key])))
    if wand:
        await _wand_to_code(var, config)
    else:
        cg.add(var.set_eye_shield(config[CONF_EYE_SHIELD].enum_value))
        cg.add(var.set_pwm_hz(config[CONF_PWM]))
    cg.add(var.set_telemetry(await text_sensor.new_text_sensor(config[CONF_TELEMETRY])))
    cg.add(var.set_description(await text_sensor.new_text_sensor(config[CONF_DESCRIPTION])))


def _pins_to_code(var: MockObj, config: ConfigType) -> None:
    """Say which pins are ours, before they are driven low."""
    for channel in config.get(CONF_CHANNELS, []):
        full = LIMITS["UNCALIBRATED_IRRADIANCE_UW_CM2"]
        if CONF_IRRADIANCE in channel:
            full = round(channel[CONF_IRRADIANCE] * 1000)
        ceiling = round(channel[CONF_MAXIMUM] * 1000) if CONF_MAXIMUM in channel else full
        cg.add(
            var.add_channel(
                PLACES.index(channel[CONF_CHANNEL]), full, ceiling, channel.get(CONF_PIN, -1)
            )
        )
    if CONF_ENABLE_PIN in config:
        cg.add(var.set_pins(*(config[pin] for pin in WAND_PINS), config[CONF_FULL_CURRENT]))
    if CONF_INDICATOR_PIN in config:
        cg.add(var.set_indicator(config[CONF_INDICATOR_PIN]))
    if CONF_WATCHDOG_PIN in config:
        cg.add(var.set_watchdog(config[CONF_WATCHDOG_PIN]))


async def _wand_to_code(var: MockObj, config: ConfigType) -> None:
    """Generate what only a wand has."""
    cg.add(var.set_current(config[CONF_CURRENT], config[CONF_CONTACT_AREA]))
    impedance = await cg.get_variable(config[CONF_IMPEDANCE])
    cg.add(
        var.set_impedance(impedance, config[CONF_IMPEDANCE_MINIMUM], config[CONF_IMPEDANCE_MAXIMUM])
    )
    for cue in config.get(CONF_ON_ZONE, []):
        trigger = cg.new_Pvariable(cue[CONF_TRIGGER_ID])
        cg.add(var.add_zone_trigger(trigger))
        await automation.build_automation(trigger, [(cg.uint32, "zone")], cue)
