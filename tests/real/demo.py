"""The demo: a ready Home Assistant, or one evening without a person in front of it.

scripts/demo                        open it on port 8123 until Ctrl-C
scripts/demo --once [--json FILE]   discover both devices, add them, go through an evening,
                                    compare the doses, exit with 0 if they agree
"""

# ruff: noqa: T201 - a program that talks to a terminal

import argparse
import asyncio
from collections.abc import AsyncGenerator, Callable
import contextlib
import json
from pathlib import Path
import shutil
import signal
import socket
import sys
import traceback

from . import configuration, dashboard, evening, flows, namespace, trial
from .evening import OTHER, PERSON
from .home import PASSWORD, USERNAME
from .household import DOMAIN, PROGRAMS, Household
from .link import Link
from .messages import Messages
from .timeline import Timeline

PORT = 8123
STATE = configuration.REPOSITORY / ".work" / "demo"

type Report = dict[str, object]
type Job = Callable[[Household, Messages, Timeline], AsyncGenerator[trial.Trial]]
"""The sessions of a run, one after the other."""


async def _furnish(household: Household, messages: Messages, timeline: Timeline) -> None:
    """Add both nodes and two people through the real flows, unless an earlier run did."""
    if await flows.entries(messages, DOMAIN):
        for station in household.stations.values():
            await station.announcement.start()
            await household.find_device(messages, station)
            await household.wait_session(messages, station, "idle")
    else:
        await household.furnish(
            messages, PERSON, lambda who, event: timeline.note("home assistant", f"{who}: {event}")
        )
        await household.add_person(OTHER, enroll=False)
        for station in (household.mask, household.wand):
            await household.enroll_by_hand(messages, station, OTHER)
        await household.select_person(messages, household.mask, PERSON)


async def _start(household: Household, timeline: Timeline) -> None:
    """Start all parts."""
    await household.start_nodes()
    for station in household.stations.values():
        timeline.note(
            "node",
            f"{station.node.name}: up, {station.info.project_name} {station.info.project_version}",
        )
    await household.start_home()
    timeline.note("home assistant", "started, onboarded")


async def sessions(
    household: Household, messages: Messages, timeline: Timeline
) -> AsyncGenerator[trial.Trial]:
    """Run one short session on each device, without the minutes of an evening."""
    for modality, person in (("wand", OTHER), ("mask", PERSON)):
        yield await trial.run(household, messages, household.stations[modality], person, timeline)


async def once(
    household: Household, timeline: Timeline, report: Report, job: Job = evening.run
) -> bool:
    """Do the main job and say whether planned, delivered and witnessed agree."""
    try:
        await _start(household, timeline)
        async with household.messages() as messages:
            manifest = json.loads((configuration.COMPONENT / "manifest.json").read_text())
            report["versions"] = {
                "homeassistant": (await messages.call("get_config"))["version"],
                "esphome": household.mask.info.esphome_version,
                "integration": manifest["version"],
            }
            await _furnish(household, messages, timeline)
            trials: list[trial.Trial] = []
            async for done in job(household, messages, timeline):
                trials.append(done)
                report["sessions"] = [each.as_json() for each in trials]
                for disagreement in done.disagreements:
                    timeline.note("verdict", f"{done.modality}: {disagreement}")
        timeline.note("home assistant", "stopping")
    finally:
        # Includes the witness's word on lines that it could not read.
        await household.stop()
    _print_table(trials)
    return bool(trials) and all(done.agrees for done in trials)


def _print_table(trials: list[trial.Trial]) -> None:
    """Print every channel of every session."""
    print(
        f"\n{'session':<8} {'channel':>7} {'planned':>10} {'delivered':>10} {'witnessed':>10}"
        "  unit     outcome      agree within 2 %"
    )
    for done in trials:
        for channel in sorted({*done.planned, *done.delivered, *done.witnessed}):
            doses = "".join(
                f" {measure.get(channel, 0):10.5f}"
                for measure in (done.planned, done.delivered, done.witnessed)
            )
            print(
                f"{done.modality:<8} {channel:>7}{doses}  {trial.UNIT[done.modality]:<8}"
                f" {done.outcome:<12} {'yes' if done.agrees else 'NO'}"
            )
    print(
        "planned: the levels for their time less half of the ramp from zero;"
        " delivered: the node's record;"
        " witnessed: the drivers' levels, integrated separately\n"
    )


async def stay(
    household: Household, timeline: Timeline, listener: socket.socket | None, address: str
) -> None:
    """Keep the household open until somebody ends it."""
    # In a network of its own Home Assistant is reached through a socket that was opened outside.
    gate = Link(household.home.port)
    try:
        await _start(household, timeline)
        async with household.messages() as messages:
            await _furnish(household, messages, timeline)
            await dashboard.write(household, messages)
        if listener is not None:
            await gate.start(listener=listener)
        print(
            f"\n  Home Assistant: http://{address}:{PORT}/{dashboard.URL}\n"
            f"  user: {USERNAME}   password: {PASSWORD}\n\n  Ctrl-C ends it.\n",
            flush=True,
        )
        await asyncio.get_running_loop().create_future()
    finally:
        print("stopping", flush=True)
        await gate.stop()
        await household.stop()


async def _until_signal(work: asyncio.Future[bool | None]) -> bool | None:
    """Await the work; a signal cancels it, so that everything it started is ended in order."""
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(sign, work.cancel)
    return await work


def _run_once(arguments: argparse.Namespace) -> int:
    """Run the main job on a fresh directory."""
    namespace.enter()
    directory = STATE / "once"
    shutil.rmtree(directory, ignore_errors=True)
    timeline = Timeline()
    report: Report = {"ok": False, "versions": {}, "sessions": [], "timeline": []}

    async def work() -> bool | None:
        return await _until_signal(
            asyncio.ensure_future(
                once(Household(directory, programs=arguments.nodes), timeline, report)
            )
        )

    try:
        report["ok"] = bool(asyncio.run(work()))
    except asyncio.CancelledError:
        timeline.note("person", "ended the run")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the result of the run
        traceback.print_exc()
        timeline.note("harness", f"failed: {error!r}")
    report["timeline"] = timeline.as_json()
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    print("OK" if report["ok"] else "FAILED")
    return 0 if report["ok"] else 1


def _run_open(arguments: argparse.Namespace) -> int:
    """Open the demo on the port that everybody knows."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((arguments.listen, PORT))
    except OSError as error:
        print(f"port {PORT} at {arguments.listen}: {error.strerror}", file=sys.stderr)
        return 1
    inside = namespace.enter()
    if inside:
        listener.listen()
    else:
        listener.close()
    directory = STATE / "open"
    if arguments.fresh:
        shutil.rmtree(directory, ignore_errors=True)
    household = Household(
        directory,
        port=PORT,
        host="127.0.0.1" if inside else arguments.listen,
        programs=arguments.nodes,
    )

    async def work() -> None:
        await _until_signal(
            asyncio.ensure_future(
                stay(household, Timeline(), listener if inside else None, arguments.listen)
            )
        )

    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(work())
    return 0


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--once",
        action="store_true",
        help="go through an evening with both devices without a person (9 min), and exit",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="with --once: write the measured doses"
    )
    parser.add_argument("--fresh", action="store_true", help="forget what earlier demos left")
    parser.add_argument(
        "--listen",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where port 8123 is opened (default: this machine only)",
    )
    parser.add_argument(
        "--nodes",
        type=Path,
        default=PROGRAMS,
        metavar="FOLDER",
        help="where the compiled host nodes are",
    )
    arguments = parser.parse_args()
    if arguments.json is not None and not arguments.once:
        parser.error("--json needs --once")
    return _run_once(arguments) if arguments.once else _run_open(arguments)


if __name__ == "__main__":
    sys.exit(main())
