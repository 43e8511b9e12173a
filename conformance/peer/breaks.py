"""Switches that break one clause of docs/spec.md each, so that one can see the suite notice it.

`broken("3.7.1")` is asked wherever a rule is kept; it is true after `main.py --break 3.7.1`, and the
code then makes the mistake that an implementer might make. SWITCHES says in words which mistake;
UNBREAKABLE says why a clause has none. `main.py --breaks` lists the ids."""

_active: set[str] = set()


def set_broken(clauses: list[str]) -> None:
    _active.clear()
    _active.update(clauses)


def broken(clause: str) -> bool:
    """Whether this clause is to be broken in this run."""
    return clause in _active

SWITCHES: dict[str, str] = {
    "1.1.1": "",
    "1.2.1": "",
    "1.3.1": "",
    "1.4.1": "",
    "1.4.2": "",
    "1.4.3": "",
    "1.4.4": "",
    "1.5.1": "",
    "1.8.1": "",
    "1.8.2": "",
    "1.8.3": "",
    "1.8.4": "",
    "2.1.1": "",
    "2.1.2": "",
    "2.1.3": "",
    "2.1.4": "",
    "2.2.1": "",
    "2.2.2": "",
    "2.4.1": "",
    "2.4.2": "",
    "2.4.3": "",
    "2.4.4": "",
    "2.5.1": "",
    "2.6.1": "",
    "2.6.2": "",
    "2.7.3": "",
    "2.8.1": "",
    "2.8.2": "",
    "3.1.1": "",
    "3.1.2": "",
    "3.1.3": "",
    "3.1.4": "",
    "3.1.5": "",
    "3.1.7": "",
    "3.1.8": "",
    "3.1.9": "",
    "3.1.10": "",
    "3.2.1": "",
    "3.3.3": "",
    "3.15.1": "",
    "3.18.1": "",
    "3.23.1": "",
    "4.2.2": "",
    "4.2.3": "",
    "4.2.4": "",
    "4.3.1": "",
    "4.4.1": "",
    "4.4.2": "",
    "4.4.3": "",
    "4.5.1": "",
    "5.1.1": "",
    "5.1.2": "",
    "5.1.3": "",
    "5.3.1": "",
    "5.3.2": "",
    "8.1.1": "",
    "9.1.1": "",
}
