"""Jinja2 templates of pages: everything that is filled in is escaped."""

from collections.abc import Mapping

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tuner_kit.catalog.templates import templates_dir


def render_template(name: str, values: Mapping[str, object]) -> str:
    """Fill a template that is named by its path in the folder of templates.

    Raises:
        jinja2.UndefinedError: the template names a value that isn't given.
    """
    return make_environment().get_template(name).render(values)


def make_environment() -> Environment:
    """Build the environment: escaping always on, a misspelt name is an error."""
    return Environment(
        loader=FileSystemLoader(templates_dir()),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
