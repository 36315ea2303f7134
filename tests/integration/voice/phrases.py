"""What people say, and what has to come of it: the action that is carried out, or the answer."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ARMING: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "en": (
            "start the mask",
            "Start my mask, please.",
            "begin a mask session",
            "arm the LED mask for Ada",
            "turn on the face mask",
            "turn the mask on",
            "start fine lines on the mask",
            "start the uneven tone program with the mask",
            "start the mask with the first use program",
            "please start the light mask for me",
            "start the wand",
            "switch on the microcurrent wand",
            "prepare the wand for Ada",
            "start Evening calm on the mask",
            "begin the evening calm program, please",
            "start the mask with my Evening calm for Ada",
        ),
        "de": (
            "starte die Maske",
            "Starte bitte meine Maske!",
            "schalte die Maske ein",
            "mach die Gesichtsmaske an",
            "beginne die LED-Maske für Ada",
            "starte die Lichtmaske für mich",
            "starte feine Linien mit der Maske",
            "starte das Programm feine Linien auf der Maske",
            "Maske starten",
            "starte die Maske mit dem Programm feine Linien",
            "starte den Stab",
            "schalte den Mikrostromstab ein",
            "bitte starte den Stab für Ada",
            "starte Evening calm auf der Maske",
            "starte bitte das Programm Evening calm",
            "beginne die Maske mit meinem Programm Evening calm für Ada",
        ),
    }
)

RUNNING: Final[Mapping[str, tuple[tuple[str, str], ...]]] = MappingProxyType(
    {
        "en": (
            ("how long does the mask still take", "left"),
            ("how much time is left on the mask", "left"),
            ("how long is left for my mask session", "left"),
            ("how much longer does the mask take", "left"),
            ("how much longer for the mask", "left"),
            ("when is the mask done?", "left"),
            ("when will the mask be finished", "left"),
            ("when does my session end", "left"),
            ("how long is left", "left"),
            ("How much longer?", "left"),
            ("is the mask ready", "not_ready"),
            ("am I ready for the mask", "not_ready"),
            ("can I use the mask now", "not_ready"),
            ("may Ada wear the mask today", "not_ready"),
            ("when can I use the mask again", "not_ready"),
            ("why can't I use the mask", "not_ready"),
            ("why is the mask not ready", "not_ready"),
            ("why am I not ready for the mask", "not_ready"),
            ("is Ada ready for the mask", "not_ready"),
            ("turn up the mask", "no_raise"),
            ("make the mask stronger", "no_raise"),
            ("increase the mask a bit", "no_raise"),
            ("what did I do with the mask this week", "week"),
            ("how often did I use the mask this week", "week"),
            ("how many mask sessions did I have this week", "week"),
            ("what did Ada do for the skin this week", "week"),
            ("how was my skincare week", "week"),
            ("lower the mask", "lower_session"),
            ("dim the mask a bit", "lower_session"),
            ("turn the mask down a little", "lower_session"),
            ("make the mask weaker", "lower_session"),
            ("the mask is too bright", "lower_session"),
            ("too strong", "lower_session"),
            ("pause the mask", "pause_session"),
            ("resume the mask", "resume_session"),
            ("put the mask on hold", "pause_session"),
            ("continue my session", "resume_session"),
            ("pause", "pause_session"),
            ("go on", "resume_session"),
        ),
        "de": (
            ("wie lange dauert die Maske noch", "left"),
            ("wie lange läuft die Maske noch?", "left"),
            ("wie viel Zeit bleibt noch bei der Maske", "left"),
            ("wie lange ist die Maske noch an", "left"),
            ("wann ist die Maske fertig", "left"),
            ("wann ist die Maske vorbei", "left"),
            ("wann endet die Maske", "left"),
            ("wann endet meine Sitzung", "left"),
            ("wie lange noch", "left"),
            ("wie lange dauert es noch", "left"),
            ("ist die Maske bereit", "not_ready"),
            ("bin ich bereit für die Maske", "not_ready"),
            ("kann ich die Maske jetzt benutzen", "not_ready"),
            ("darf ich die Maske heute aufsetzen", "not_ready"),
            ("wann kann ich die Maske wieder benutzen", "not_ready"),
            ("warum kann ich die Maske nicht benutzen", "not_ready"),
            ("warum ist die Maske nicht bereit", "not_ready"),
            ("wieso bin ich noch nicht bereit für die Maske", "not_ready"),
            ("ist Ada bereit für die Maske", "not_ready"),
            ("mach die Maske stärker", "no_raise"),
            ("dreh die Maske auf", "no_raise"),
            ("erhöhe die Maske etwas", "no_raise"),
            ("was habe ich diese Woche mit der Maske gemacht", "week"),
            ("wie oft habe ich diese Woche die Maske benutzt", "week"),
            ("was habe ich diese Woche für meine Haut getan", "week"),
            ("wie oft hat Ada die Maske diese Woche benutzt", "week"),
            ("wie war meine Hautpflege-Woche", "week"),
            ("dimme die Maske", "lower_session"),
            ("mach die Maske schwächer", "lower_session"),
            ("stell die Maske etwas dunkler", "lower_session"),
            ("die Maske ist zu hell", "lower_session"),
            ("dreh die Maske runter", "lower_session"),
            ("zu stark", "lower_session"),
            ("pausiere die Maske", "pause_session"),
            ("setze die Maske fort", "resume_session"),
            ("Maske pausieren", "pause_session"),
            ("mach mit der Maske weiter", "resume_session"),
            ("Pause", "pause_session"),
            ("weiter", "resume_session"),
        ),
    }
)

STOPPING: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "en": (
            "stop the mask",
            "Stop my session!",
            "turn off the mask",
            "turn the face mask off",
            "cancel the treatment",
            "end my session",
            "stop all sessions",
            "stop",
            "stop it now",
        ),
        "de": (
            "stoppe die Maske",
            "beende meine Sitzung",
            "schalte die Maske aus",
            "mach die Maske aus",
            "Maske stoppen",
            "brich die Behandlung ab",
            "beende alle Sitzungen",
            "stopp",
            "halt",
        ),
    }
)

ROUTINE: Final[Mapping[str, tuple[tuple[str, str], ...]]] = MappingProxyType(
    {
        "en": (
            ("start my evening routine", "start_routine"),
            ("next step of my evening routine", "confirm_step"),
            ("skip this step of the skincare routine", "skip_step"),
            ("stop my evening routine", "stop_all"),
            ("skip my evening routine tonight", "skip_planned"),
            ("skip tonight's skincare", "skip_planned"),
        ),
        "de": (
            ("starte meine Abendroutine", "start_routine"),
            ("nächster Schritt meiner Abendroutine", "confirm_step"),
            ("überspringe diesen Schritt der Abendroutine", "skip_step"),
            ("beende meine Abendroutine", "stop_all"),
            ("überspringe meine Abendroutine heute", "skip_planned"),
            ("lass heute Abend die Hautpflegeroutine aus", "skip_planned"),
        ),
    }
)

CUSTOM_ROUTINE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "en": (
            "start Sunday reset",
            "begin my sunday reset routine, please",
            "start the routine Sunday reset for Ada",
        ),
        "de": (
            "starte Sunday reset",
            "beginne bitte meine Routine Sunday reset",
            "Sunday reset für Ada starten",
        ),
    }
)

PROPOSING: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "en": (
            "ask Ada whether she wants the mask tonight",
            "ask me if I want the wand",
            "please ask Ada if she would like Evening calm on the mask",
            "suggest fine lines on the mask to Ada today",
        ),
        "de": (
            "frag Ada, ob sie heute Abend die Maske möchte",
            "frage mich, ob ich den Stab will",
            "frag bitte Ada, ob sie Evening calm auf der Maske möchte",
            "schlag Ada heute feine Linien mit der Maske vor",
        ),
    }
)

OTHERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "en": (
            "start the vacuum",
            "stop the vacuum",
            "pause the vacuum",
            "set a timer for five minutes",
            "cancel the timer",
            "how long is left on the timer",
            "pause the music",
            "resume the music",
            "next track",
            "turn up the volume",
            "turn on the bathroom lamp",
            "turn off the bathroom lamp",
            "dim the lights",
            "open the blinds",
            "close the garage door",
            "is the washing machine ready",
            "stop",
            "pause",
            "how long is left",
            "what did I do this week",
        ),
        "de": (
            "starte den Staubsauger",
            "stoppe den Staubsauger",
            "pausiere den Staubsauger",
            "stelle einen Timer auf fünf Minuten",
            "stoppe den Timer",
            "wie lange läuft der Timer noch",
            "pausiere die Musik",
            "nächster Titel",
            "mach die Musik lauter",
            "schalte die Lampe im Bad ein",
            "schalte die Lampe im Bad aus",
            "dimme das Licht",
            "öffne die Rollläden",
            "schließe das Garagentor",
            "ist die Waschmaschine fertig",
            "stopp",
            "Pause",
            "weiter",
            "wie lange noch",
            "was habe ich diese Woche gemacht",
        ),
    }
)
