"""``gmmkit describe``: a model in words and numbers."""

from __future__ import annotations

import sys

from gmmkit.cli.facts import facts_of
from gmmkit.cli.generator_facts import generator_facts, print_generator
from gmmkit.cli.models import open_model
from gmmkit.cli.options import JsonOption, ModelArgument
from gmmkit.cli.output import console_on, print_json
from gmmkit.cli.words import print_facts

__all__ = ["describe"]


def describe(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Say what a model is: components, how far apart they are, how it was fitted and chosen, what to beware of."""
    from gmmkit.files.record import GENERATOR

    record = open_model(model, also=(GENERATOR,))
    generates = record.estimator == GENERATOR
    facts = generator_facts(record, model) if generates else facts_of(record)
    if as_json:
        print_json(facts)
    elif generates:
        print_generator(console_on(sys.stdout), facts, model)
    else:
        print_facts(console_on(sys.stdout), facts)
