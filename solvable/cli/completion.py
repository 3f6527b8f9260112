"""``solvable completion SHELL``: a script that completes commands, names and flags in bash, zsh or fish.

    bash    solvable completion bash >> ~/.bashrc
    zsh     solvable completion zsh >> ~/.zshrc
    fish    solvable completion fish > ~/.config/fish/completions/solvable.fish

The words are written into the script, so that completing starts no Python: write it again after an update.
"""

import contextlib
import io
import re
from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from solvable.cli.about import Kind, Nothing
from solvable.cli.experiments import experiment_names
from solvable.cli.options import parse

Shell = Literal["bash", "zsh", "fish"]
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
RUN = ("--tiny", "--output", "--json", "--format", "--config", "--help")  # what every experiment takes
BASH = """_solvable() {
  local words="$(_solvable_words "${COMP_WORDS[1]}" "$COMP_CWORD")"
  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
_solvable_words() {
  if [ "$2" -le 1 ]; then echo "COMMANDS"; return; fi
  case "$1" in
CASES
  esac
}
complete -o default -F _solvable solvable
"""


def command(arguments: list[str]) -> int:
    """Print the script of a shell."""
    from dataclasses import make_dataclass

    from tyro.conf import Positional

    document = {"__doc__": "Options.\n\nAttributes:\n    shell: bash, zsh or fish.\n"}
    asked = make_dataclass("Asked", [("shell", Annotated[Shell, Positional])], frozen=True, namespace=document)
    options, _ = parse(asked, arguments, program="solvable completion", about=__doc__ or "", extra=Nothing)
    print(script(options.shell, words_after()), end="")
    return 0


def words_after() -> dict[str, list[str]]:
    """command -> what may follow it."""
    from solvable.cli import COMMANDS, main
    from solvable.cli.sweep import COMMANDS as SWEEPS

    after: dict[str, list[str]] = {}
    for name in COMMANDS:
        if name in ("run", "phase-diagram", "completion"):  # the help of an experiment loads it
            after[name] = [*(experiment_names() if name == "run" else []), *RUN]
            continue
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            main([name, "--help"])
        after[name] = sorted(set(FLAG.findall(text.getvalue())))
    after["completion"] = list(get_args(Shell))
    after["list"] += get_args(Kind)
    after["sweep"] += list(SWEEPS)
    return after


def script(shell: Shell, after: Mapping[str, list[str]]) -> str:
    """The script of one shell; zsh runs that of bash."""
    if shell == "fish":
        lines = [f"complete -c solvable -n __fish_use_subcommand -f -a '{' '.join(after)}'"]
        lines += [
            f"complete -c solvable -n '__fish_seen_subcommand_from {name}' -a '{' '.join(following)}'"
            for name, following in after.items()
        ]
        return "\n".join(lines) + "\n"
    cases = "\n".join(f'    {name}) echo "{" ".join(following)}" ;;' for name, following in after.items())
    text = BASH.replace("CASES", cases).replace("COMMANDS", " ".join([*after, "--help", "--version"]))
    return text if shell == "bash" else f"autoload -U +X bashcompinit && bashcompinit\n{text}"
