"""One picture of all pictures: a row for each seed, its prompt above, base beside tuned."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO
from itertools import batched
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

CELL_MIN_PX, CELL_MAX_PX = 256, 512
MARGIN_PX, GAP_PX = 32, 16
HEADING_PX, PROMPT_PX, CAPTION_PX = 20, 17, 14
LINE_SPACING = 1.35
INK, FAINT_INK, PAPER = "#1a1a1a", "#6b6b6b", "#ffffff"
MAX_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Cell:
    """One picture and the small line below it."""

    picture: Image.Image
    caption: str


@dataclass(frozen=True, slots=True)
class PromptBlock:
    """A prompt and the pictures of it, row by row."""

    prompt: str
    rows: tuple[tuple[Cell, ...], ...]


def rows_of(cells: Sequence[Cell], *, num_columns: int) -> tuple[tuple[Cell, ...], ...]:
    """Lay cells into rows of at most `num_columns`."""
    return tuple(batched(cells, num_columns))


def draw_sheet(blocks: Sequence[PromptBlock], headings: Sequence[str]) -> Image.Image:
    """Draw the contact sheet on white; small pictures are enlarged, huge ones reduced.

    Args:
        blocks: at least one, all pictures of one size.
        headings: one above each column, or a single one above everything.
    """
    sheet = _Sheet(blocks, headings)
    return sheet.draw()


class _Sheet:
    """The measures that every part of the drawing needs."""

    def __init__(self, blocks: Sequence[PromptBlock], headings: Sequence[str]) -> None:
        self.blocks = blocks
        self.headings = headings
        self.cell_px = _fit(blocks[0].rows[0][0].picture.size)
        num_columns = max(len(row) for block in blocks for row in block.rows)
        self.content_px = num_columns * (self.cell_px[0] + GAP_PX) - GAP_PX
        self.heading_font = _font(HEADING_PX, "DejaVuSans-Bold.ttf")
        self.prompt_font = _font(PROMPT_PX, "DejaVuSans.ttf")
        self.caption_font = _font(CAPTION_PX, "DejaVuSans.ttf")

    def draw(self) -> Image.Image:
        wrapped = [_wrap(block.prompt, self.prompt_font, self.content_px) for block in self.blocks]
        width_px = self.content_px + 2 * MARGIN_PX
        height_px = self._height(wrapped)
        paper = Image.new("RGB", (width_px, height_px), PAPER)
        pen = ImageDraw.Draw(paper)
        top_px = self._draw_headings(pen)
        for block, lines in zip(self.blocks, wrapped, strict=True):
            for line in lines:
                pen.text((MARGIN_PX, top_px), line, font=self.prompt_font, fill=INK)
                top_px += _line(PROMPT_PX)
            top_px += GAP_PX // 2
            for row in block.rows:
                self._draw_row(paper, pen, row, top_px)
                top_px += self._row_px()
            top_px += GAP_PX
        return paper

    def _height(self, wrapped: Sequence[Sequence[str]]) -> int:
        text_px = sum(len(lines) * _line(PROMPT_PX) + GAP_PX // 2 + GAP_PX for lines in wrapped)
        rows_px = sum(len(block.rows) for block in self.blocks) * self._row_px()
        return MARGIN_PX + self._headings_px() + text_px + rows_px + MARGIN_PX - 2 * GAP_PX

    def _headings_px(self) -> int:
        lines = max((len(lines) for lines in self._heading_lines()), default=0)
        return lines * _line(HEADING_PX) + GAP_PX

    def _heading_lines(self) -> list[list[str]]:
        one = self.content_px if len(self.headings) == 1 else self.cell_px[0]
        return [_wrap(heading, self.heading_font, one) for heading in self.headings]

    def _row_px(self) -> int:
        return self.cell_px[1] + _line(CAPTION_PX) + GAP_PX

    def _draw_headings(self, pen: ImageDraw.ImageDraw) -> int:
        for column, lines in enumerate(self._heading_lines()):
            left_px = MARGIN_PX + column * (self.cell_px[0] + GAP_PX)
            for number, line in enumerate(lines):
                top_px = MARGIN_PX + number * _line(HEADING_PX)
                pen.text((left_px, top_px), line, font=self.heading_font, fill=INK)
        return MARGIN_PX + self._headings_px()

    def _draw_row(
        self, paper: Image.Image, pen: ImageDraw.ImageDraw, row: Sequence[Cell], top_px: int
    ) -> None:
        for column, cell in enumerate(row):
            left_px = MARGIN_PX + column * (self.cell_px[0] + GAP_PX)
            picture = cell.picture.resize(self.cell_px, Image.Resampling.LANCZOS)
            paper.paste(picture, (left_px, top_px))
            below_px = top_px + self.cell_px[1] + 3
            pen.text((left_px, below_px), cell.caption, font=self.caption_font, fill=FAINT_INK)


def _fit(size_px: tuple[int, int]) -> tuple[int, int]:
    longest = max(size_px)
    scale = min(max(longest, CELL_MIN_PX), CELL_MAX_PX) / longest
    return max(1, round(size_px[0] * scale)), max(1, round(size_px[1] * scale))


def _line(font_px: int) -> int:
    return round(font_px * LINE_SPACING)


def _font(size_px: int, name: str) -> ImageFont.FreeTypeFont:
    """Load a font that matplotlib ships; it writes Latin, Greek and Cyrillic on any machine."""
    font = files("matplotlib") / "mpl-data" / "fonts" / "ttf" / name
    return ImageFont.truetype(BytesIO(font.read_bytes()), size_px)


def _wrap(text: str, font: ImageFont.FreeTypeFont, width_px: int) -> list[str]:
    """Break at spaces, and inside a word only where the word alone is too wide."""
    lines = [""]
    for word in text.split():
        candidate = f"{lines[-1]} {word}".strip()
        if font.getlength(candidate) <= width_px:
            lines[-1] = candidate
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if lines[-1] and font.getlength(lines[-1] + letter) > width_px:
                lines.append("")
            lines[-1] += letter
    return lines


def load_picture(path: Path) -> Image.Image:
    """Read a picture and close its file."""
    with Image.open(path) as picture:
        return picture.convert("RGB")
