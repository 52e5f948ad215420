"""``gmmkit describe``: a model in words and numbers."""

from __future__ import annotations

import sys

from gmmkit.cli.facts import facts_of
from gmmkit.cli.models import open_model
from gmmkit.cli.options import JsonOption, ModelArgument
from gmmkit.cli.output import console_on, print_json
from gmmkit.cli.words import print_facts

__all__ = ["describe"]


def describe(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Say what a model is: components, how far apart they are, how it was fitted and chosen, what to beware of."""
    facts = facts_of(open_model(model))
    if as_json:
        print_json(facts)
    else:
        print_facts(console_on(sys.stdout), facts)
