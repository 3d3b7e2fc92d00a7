"""One question outside of the dialogue: whether something shall really be done."""

import questionary


def confirm(question: str) -> bool:
    """Ask yes or no; no is the default.

    Raises:
        KeyboardInterrupt: the person leaves.
    """
    answer: bool = questionary.confirm(question, default=False).unsafe_ask()
    return answer
