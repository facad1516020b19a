"""`python -m deploy.local …`: the local stack. The Makefile is its short form."""

from __future__ import annotations

import argparse
import subprocess
import sys

from bh_sdk.errors import BHError
from deploy.local.stack import ROOT, SERVICES, Stack


def main() -> int:
    parser = argparse.ArgumentParser(prog="deploy.local", description="The whole of Blessed Horizon on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start everything")
    up.add_argument("--detach", action="store_true", help="return once everything is ready")
    commands.add_parser("down", help="stop everything, keep the data")
    commands.add_parser("status", help="what runs")
    commands.add_parser("env", help="the running stack as KEY=VALUE")
    commands.add_parser("pids", help="name pid of each program")
    commands.add_parser("demo", help="one donation, told step by step")
    token = commands.add_parser("token", help="print a token")
    token.add_argument("--user", help="a UUID")
    token.add_argument("--role", default="donor", help="one role, or several with commas")
    token.add_argument("--service", help="who asks")
    token.add_argument("--aud", help="whom it will call")
    manage = commands.add_parser("manage", help="a service's own commands, told what its programs are told")
    manage.add_argument("service", choices=SERVICES)
    manage.add_argument("words", nargs=argparse.REMAINDER)
    clock = commands.add_parser("clock", help="read or move the local clock")
    clock.add_argument("--set", dest="span", help="+3d, -2h, 0")
    given = parser.parse_args()
    try:
        return run(given, Stack.here())
    except (ValueError, BHError) as error:
        print(f"deploy.local {given.command}: {error}", file=sys.stderr)
        return 2


def run(given: argparse.Namespace, stack: Stack) -> int:
    """Do what was asked. Imports late: `token` and `env` answer at once."""
    match given.command:
        case "up":
            from deploy.local import up

            return up.up_detached(stack) if given.detach else up.up(stack)
        case "down":
            from deploy.local import up

            return up.down(stack)
        case "status":
            from deploy.local.status import status

            return status(stack)
        case "pids":
            from deploy.local.processes import pids_of

            print("\n".join(f"{name} {pid}" for name, pid in pids_of(stack).all().items()))
        case "env":
            from deploy.local.card import variables

            print("\n".join(f"{name}={value}" for name, value in variables(stack).items()))
        case "token":
            print(_token(given, stack))
        case "clock":
            from deploy.local import clock

            if given.span:
                clock.move(stack, given.span)
            print(clock.reading(stack))
        case "manage":
            from deploy.local import environment

            told = [sys.executable, "-m", f"{given.service}_svc.manage", *given.words]
            return subprocess.run(told, cwd=ROOT, env=environment.program(given.service, stack), check=False).returncode
        case "demo":
            from deploy.local.up import child_env

            told = [sys.executable, "-m", "deploy.local.demo.story"]
            return subprocess.run(told, cwd=ROOT, env=child_env(stack), check=False).returncode
    return 0


def _token(given: argparse.Namespace, stack: Stack) -> str:
    from deploy.local import tokens

    if given.user:
        return tokens.for_user(stack, given.user, given.role)
    if given.service and given.aud:
        return tokens.for_service(stack, given.service, given.aud)
    raise ValueError("say USER=<uuid> ROLE=<role>, or SERVICE=<name> AUD=<payments|trust|notify>")


if __name__ == "__main__":
    sys.exit(main())
