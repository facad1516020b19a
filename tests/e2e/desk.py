"""The staff at their desks: in a browser, or by the forms that a browser would send; and the stack's clock, moved on.

A browser needs Chromium (`apt-get install chromium`, or its path in `BH_CHROMIUM`).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from deploy.local import clock
from tests.stack import House

CHROMIUM = os.environ.get("BH_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
SWITCHES = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
# A loaded machine may be slow to draw a page; nothing here depends on speed.
PATIENCE_MS = 60_000


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Without a browser this test fails: a desk that nobody has tried is not proven."""
    assert CHROMIUM, "Chromium is not installed; say where it is by BH_CHROMIUM"
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield started
        started.close()


@contextmanager
def at_the_desk(browser: Browser, house: House, who: str, *, service: str = "payments") -> Iterator[Page]:
    """A browser of its own in which somebody of the staff has signed in."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{house.url(service)}/admin/")
    page.fill("input[name=username]", who)
    page.fill("input[name=password]", "demo")
    with page.expect_navigation():
        page.click("button[type=submit]")
    page.goto(f"{house.url(service)}/admin/")
    yield page
    context.close()


def press(page: Page, button: str, **fields: str) -> None:
    """Open the dialog behind a button of the page and fill it in."""
    page.locator("[hx-get]").filter(has_text=button).first.click()
    page.wait_for_selector("#dialog-form", state="attached")
    for name, value in fields.items():
        field = page.locator(f"#dialog-form [name={name}]")
        if field.evaluate("element => element.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def send(page: Page, submit: str) -> None:
    """Send the dialog; the page comes back with its message."""
    with page.expect_navigation():
        page.get_by_role("button", name=submit, exact=True).last.click()


def words(page: Page) -> str:
    return page.locator("body").inner_text()


class Desk:
    """Somebody of the staff, signed in to the admin of one service."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def send(self, path: str, **fields: str) -> httpx.Response:
        """Fill in and send the form of an address, as its page gives it."""
        shown = self.client.get(path, headers={"HX-Request": "true"}).raise_for_status()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', shown.text)
        assert token is not None, shown.text[:500]
        said = {"_form_submitted": "on", "csrfmiddlewaretoken": token[1], **fields}
        headers = {"HX-Request": "true", "Referer": str(shown.url)}
        return self.client.post(path, data=said, headers=headers).raise_for_status()


@contextmanager
def desk_of(house: House, service: str, who: str) -> Iterator[Desk]:
    with httpx.Client(base_url=house.url(service), timeout=30, trust_env=False, follow_redirects=True) as client:
        desk = Desk(client)
        desk.send("/admin/login/?next=/admin/", username=who, password="demo")
        yield desk


@contextmanager
def days_later(house: House, days: int) -> Iterator[None]:
    """The stack's clock, moved on; only for what has to wait that long."""
    clock.move(house.stack, f"+{days}d")
    try:
        yield
    finally:
        clock.move(house.stack, "0")
