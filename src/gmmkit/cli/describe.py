"""``gmmkit describe``: a model in words and numbers."""

from __future__ import annotations

import sys

from gmmkit.cli.detector_facts import detector_facts, print_detector
from gmmkit.cli.facts import facts_of
from gmmkit.cli.generator_facts import generator_facts, print_generator
from gmmkit.cli.models import open_model
from gmmkit.cli.options import JsonOption, ModelArgument
from gmmkit.cli.output import console_on, print_json
from gmmkit.cli.words import print_facts

__all__ = ["describe"]


def describe(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Say what a model is: components, how far apart they are, how it was fitted and chosen, what to beware of."""
    from gmmkit.files.record import DETECTOR, GENERATOR

    record = open_model(model, also=(DETECTOR, GENERATOR))
    # Their mixtures are not of the data's columns, so that other things are told of them.
    alone = {DETECTOR: (detector_facts, print_detector), GENERATOR: (generator_facts, print_generator)}
    if record.estimator in alone:
        told, printed = alone[record.estimator]
        facts = told(record, model)
        if as_json:
            print_json(facts)
        else:
            printed(console_on(sys.stdout), facts, model)
        return
    facts = facts_of(record)
    if as_json:
        print_json(facts)
    else:
        print_facts(console_on(sys.stdout), facts)
