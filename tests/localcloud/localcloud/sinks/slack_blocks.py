"""What Slack accepts as Block Kit: types, fields and limits, by its reference.

https://docs.slack.dev/reference/block-kit. Slack names every mistake with a JSON pointer; so does
this. Blocks that Caretaker has no use for (inputs, files, videos) are refused as unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

BLOCKS_MAX = 50
# Undocumented, observed by several senders: the characters of all blocks of a message together.
ALL_TEXT_MAX = 13_000
BLOCK_ID_MAX = 255
SECTION_TEXT_MAX = 3000
FIELDS_MAX = 10
FIELD_TEXT_MAX = 2000
HEADER_TEXT_MAX = 150
CONTEXT_ELEMENTS_MAX = 10
ACTION_ELEMENTS_MAX = 25
BUTTON_TEXT_MAX = 75
BUTTON_VALUE_MAX = 2000
URL_MAX = 3000
ALT_TEXT_MAX = 2000

# Whoever writes one of these into a message wakes people up.
_MENTION = re.compile(r"<(![a-z]+(?:\^[A-Z0-9]+)?|@[UW][A-Z0-9]+)(?:\|[^>]*)?>")

Mistakes = list[str]
Check = Callable[[dict[str, Any], str, Mistakes], None]


def mistakes_of(blocks: Any, pointer: str) -> Mistakes:
    """Everything that Slack would refuse about these blocks."""
    if not isinstance(blocks, list):
        return [f"must be an array [json-pointer:{pointer}]"]
    found: Mistakes = []
    if len(blocks) > BLOCKS_MAX:
        found.append(f"no more than {BLOCKS_MAX} items allowed [json-pointer:{pointer}]")
    known_ids: set[str] = set()
    for position, block in enumerate(blocks):
        _check_block(block, f"{pointer}/{position}", known_ids, found)
    return found


def text_length(value: Any) -> int:
    """The characters of all strings in a message's blocks."""
    return sum(len(one) for one in strings_of(value))


def strings_of(value: Any) -> Iterator[str]:
    """All strings in a document, without the names of its fields."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings_of(inner)


def mentions_of(value: Any) -> list[str]:
    """Whom a message would ping; plain text pings nobody."""
    if isinstance(value, str):
        return _MENTION.findall(value)
    if isinstance(value, list):
        return [one for inner in value for one in mentions_of(inner)]
    if isinstance(value, dict) and value.get("type") != "plain_text":
        return [one for inner in value.values() for one in mentions_of(inner)]
    return []


def _check_block(block: Any, pointer: str, known_ids: set[str], found: Mistakes) -> None:
    if not isinstance(block, dict):
        found.append(f"must be an object [json-pointer:{pointer}]")
        return
    kind = block.get("type")
    if kind not in _BLOCKS:
        found.append(f"unsupported type: {kind} [json-pointer:{pointer}/type]")
        return
    fields, check = _BLOCKS[kind]
    _check_fields(block, {"type", "block_id", *fields}, pointer, found)
    block_id = block.get("block_id")
    if block_id is not None:
        _check_string(block_id, BLOCK_ID_MAX, f"{pointer}/block_id", found)
        if block_id in known_ids:
            found.append(f"block_id already exists [json-pointer:{pointer}/block_id]")
        known_ids.add(str(block_id))
    check(block, pointer, found)


def _section(block: dict[str, Any], pointer: str, found: Mistakes) -> None:
    text, fields = block.get("text"), block.get("fields")
    if text is None and fields is None:
        found.append(f"missing required field: text or fields [json-pointer:{pointer}]")
    if text is not None:
        _check_text(text, ("mrkdwn", "plain_text"), SECTION_TEXT_MAX, f"{pointer}/text", found)
    if fields is not None:
        for position, one in _items(fields, FIELDS_MAX, f"{pointer}/fields", found):
            where = f"{pointer}/fields/{position}"
            _check_text(one, ("mrkdwn", "plain_text"), FIELD_TEXT_MAX, where, found)
    if block.get("accessory") is not None:
        _check_element(block["accessory"], ("button", "image"), f"{pointer}/accessory", found)


def _header(block: dict[str, Any], pointer: str, found: Mistakes) -> None:
    _check_text(block.get("text"), ("plain_text",), HEADER_TEXT_MAX, f"{pointer}/text", found)


def _context(block: dict[str, Any], pointer: str, found: Mistakes) -> None:
    elements = block.get("elements")
    for position, one in _items(elements, CONTEXT_ELEMENTS_MAX, f"{pointer}/elements", found):
        where = f"{pointer}/elements/{position}"
        if isinstance(one, dict) and one.get("type") == "image":
            _check_element(one, ("image",), where, found)
        else:
            _check_text(one, ("mrkdwn", "plain_text"), SECTION_TEXT_MAX, where, found)


def _actions(block: dict[str, Any], pointer: str, found: Mistakes) -> None:
    elements = block.get("elements")
    for position, one in _items(elements, ACTION_ELEMENTS_MAX, f"{pointer}/elements", found):
        _check_element(one, ("button",), f"{pointer}/elements/{position}", found)


def _divider(_block: dict[str, Any], _pointer: str, _found: Mistakes) -> None:
    """A divider is only itself."""


def _image(block: dict[str, Any], pointer: str, found: Mistakes) -> None:
    _check_string(block.get("image_url"), URL_MAX, f"{pointer}/image_url", found)
    _check_string(block.get("alt_text"), ALT_TEXT_MAX, f"{pointer}/alt_text", found)
    if block.get("title") is not None:
        _check_text(block["title"], ("plain_text",), FIELD_TEXT_MAX, f"{pointer}/title", found)


_BLOCKS: dict[str, tuple[tuple[str, ...], Check]] = {
    "section": (("text", "fields", "accessory", "expand"), _section),
    "header": (("text",), _header),
    "context": (("elements",), _context),
    "actions": (("elements",), _actions),
    "divider": ((), _divider),
    "image": (("image_url", "alt_text", "title"), _image),
}


def _check_element(element: Any, kinds: tuple[str, ...], pointer: str, found: Mistakes) -> None:
    if not isinstance(element, dict) or element.get("type") not in kinds:
        found.append(f"unsupported type [json-pointer:{pointer}/type]")
        return
    if element["type"] == "image":
        _check_fields(element, {"type", "image_url", "alt_text"}, pointer, found)
        _image(element, pointer, found)
        return
    allowed = {"type", "text", "action_id", "url", "value", "style", "accessibility_label"}
    _check_fields(element, allowed, pointer, found)
    _check_text(element.get("text"), ("plain_text",), BUTTON_TEXT_MAX, f"{pointer}/text", found)
    for name, most in (("url", URL_MAX), ("action_id", 255), ("value", BUTTON_VALUE_MAX)):
        if element.get(name) is not None:
            _check_string(element[name], most, f"{pointer}/{name}", found)
    if element.get("style", "primary") not in ("primary", "danger"):
        found.append(f"must be a valid enum value [json-pointer:{pointer}/style]")


def _check_text(
    text: Any, kinds: tuple[str, ...], most: int, pointer: str, found: Mistakes
) -> None:
    if not isinstance(text, dict):
        found.append(f"must be an object [json-pointer:{pointer}]")
        return
    if text.get("type") not in kinds:
        found.append(f"must be a valid enum value [json-pointer:{pointer}/type]")
        return
    extra = "emoji" if text["type"] == "plain_text" else "verbatim"
    _check_fields(text, {"type", "text", extra}, pointer, found)
    _check_string(text.get("text"), most, f"{pointer}/text", found)


def _check_string(value: Any, most: int, pointer: str, found: Mistakes) -> None:
    if not isinstance(value, str):
        found.append(f"must be a string [json-pointer:{pointer}]")
    elif not value:
        found.append(f"must be more than 0 characters [json-pointer:{pointer}]")
    elif len(value) > most:
        found.append(f"must be less than {most + 1} characters [json-pointer:{pointer}]")


def _check_fields(value: dict[str, Any], known: set[str], pointer: str, found: Mistakes) -> None:
    for name in sorted(set(value) - known):
        found.append(f"additional property is not allowed: {name} [json-pointer:{pointer}]")


def _items(value: Any, most: int, pointer: str, found: Mistakes) -> Iterator[tuple[int, Any]]:
    if not isinstance(value, list) or not value:
        found.append(f"must be an array with at least one item [json-pointer:{pointer}]")
        return
    if len(value) > most:
        found.append(f"no more than {most} items allowed [json-pointer:{pointer}]")
    yield from enumerate(value)
