"""How many random examples the property tests of the core try.

Ordinarily as many as they say, and others in each run. Where mutants are tried (`make mutants`) a quarter of
them, and always the same: what a mutant meets must not depend on luck, and there are thousands of mutants.
"""

from hypothesis import Phase, settings

#: What hypothesis tries where nothing else is said.
ORDINARY = 100


def register_profile_of_mutants() -> None:
    """Let `--hypothesis-profile=mutants` be asked for; what fails is not made smaller, as nobody reads it."""
    settings.register_profile(
        "mutants",
        max_examples=ORDINARY // 4,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
    )


def examples(number: int) -> int:
    """For `max_examples`: so many, or the part of them that the profile in use tries."""
    return number * settings.get_profile(settings.get_current_profile_name()).max_examples // ORDINARY
