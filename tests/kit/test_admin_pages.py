"""The admin: who gets in, what they see, and that only policies decide."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core import checks
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, transaction
from django.test import Client, override_settings
from django.utils import timezone

import tests.tokens  # noqa: F401  # this process looks at changes at once
from bh_sdk.server.access.models import Policy, Revocation, Staff, demo_sub
from bh_sdk.server.admin import Guarded
from bh_sdk.server.admin.checks import buttons_have_dialogs
from bh_sdk.server.admin.site import House
from tests.kit import access_site
from tests.kit.project.demo.models import Gift

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kit.access_site")]

GIFTS = "/admin/kit_demo/gift/"
POLICIES = "/admin/bh_access/policy/"


@pytest.fixture(autouse=True)
def demo_staff() -> None:
    """As `manage.py demo_staff` makes them, but without passwords: deriving those takes longer than a test."""
    for name in ("admin", "support", "finance", "editor"):
        Staff.objects.create(username=name, sub=demo_sub(name), roles=[name], password="!")
    for role, verb in (("support", "view"), ("finance", "view"), ("finance", "approve"), ("finance", "enlarge")):
        Policy.objects.create(ptype="p", v0=role, v1="gift", v2=verb)
    access_site.approved.clear()


@pytest.fixture(autouse=True)
def cheap_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def gift() -> Gift:
    return Gift.objects.create(title="A <i>roof</i>", size=3, created_at=timezone.now())


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(Staff.objects.get(username=name))
    return client


def press(client: Client, gift: Gift, note: str, **extra: Any) -> Any:
    form = {"note": note, "_form_submitted": "True"}
    return client.post(f"{GIFTS}{gift.pk}/approve/", form, headers={"HX-Request": "true"}, **extra)


# -- getting in


def test_the_site_is_ours_and_keeps_strangers_out(client: Client) -> None:
    assert isinstance(admin.site, House)
    response = client.get(GIFTS)
    assert (response.status_code, response["Location"]) == (302, f"/admin/login/?next={GIFTS}")


def test_the_sign_in_page_shows_whose_it_is_and_lets_staff_in(client: Client) -> None:
    call_command("demo_staff", stdout=StringIO())
    page = client.get("/admin/login/").content.decode()
    assert "Blessed Horizon" in page
    form = {"username": "support", "password": "demo", "next": "/admin/"}
    response = client.post("/admin/login/?next=/admin/", form)
    assert (response.status_code, response["Location"]) == (302, "/admin/")
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    ("name", "password"), [("support", "wrong"), ("nobody", "demo"), ("", ""), ("support\x00", "demo")]
)
def test_a_wrong_name_or_password_is_refused_in_the_same_words(client: Client, name: str, password: str) -> None:
    response = client.post("/admin/login/", {"username": name, "password": password})
    assert response.status_code == 200
    assert "_auth_user_id" not in client.session


def test_the_sign_in_form_needs_its_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/admin/login/", {"username": "support", "password": "demo"}).status_code == 403


def test_a_deactivated_account_is_out_in_the_middle_of_its_session() -> None:
    client = signed_in("support")
    assert client.get(GIFTS).status_code == 200
    Staff.objects.filter(username="support").update(is_active=False)
    assert client.get(GIFTS).status_code == 302


def test_a_revoked_person_is_out_in_the_middle_of_their_session() -> None:
    client = signed_in("support")
    assert client.get(GIFTS).status_code == 200
    Revocation.objects.create(kind="subject", value=str(demo_sub("support")), reason="stolen laptop", revoked_by="x")
    assert client.get(GIFTS).status_code == 302


def test_an_account_without_a_role_gets_nowhere() -> None:
    Staff.objects.filter(username="support").update(roles=[])
    assert signed_in("support").get("/admin/").status_code == 302


def test_the_first_account_of_a_new_service_is_an_admin_by_role_and_no_flag_opens_anything(gift: Gift) -> None:
    first = Staff.objects.create_superuser("first", "a-long-password-1", sub=uuid.uuid4())
    assert first.roles == ["admin"]
    client = Client()
    client.force_login(first)
    assert client.get(POLICIES).status_code == 200
    Staff.objects.filter(pk=first.pk).update(roles=["editor"])
    assert [client.get(url).status_code for url in (POLICIES, GIFTS, f"{GIFTS}{gift.pk}/change/")] == [403, 403, 403]
    assert not first.has_perm("kit_demo.view_gift")


# -- seeing


def test_everybody_sees_their_own_desks_alone() -> None:
    def desks(name: str) -> list[str]:
        answer = signed_in(name).get("/admin/")
        return [desk for desk, _ in answer.context["desks"]]

    assert {name: desks(name) for name in ("admin", "support", "editor")} == {
        "admin": ["Demo", "Events", "Access"],
        "support": ["Demo"],
        "editor": [],
    }


def test_the_sidebar_shows_what_the_policy_shows() -> None:
    assert "Policies" not in signed_in("support").get("/admin/").content.decode()
    assert "Policies" in signed_in("admin").get("/admin/").content.decode()


def test_every_page_of_the_access_desk_renders_for_an_admin() -> None:
    client = signed_in("admin")
    for name in ("policy", "revocation", "staff"):
        assert client.get(f"/admin/bh_access/{name}/").status_code == 200
        assert client.get(f"/admin/bh_access/{name}/add/").status_code == 200
    assert client.get("/admin/admin/logentry/").status_code == 200
    assert client.get("/admin/password_change/").status_code == 200
    assert client.get(f"/admin/bh_access/staff/{Staff.objects.get(username='support').pk}/change/").status_code == 200
    assert client.get(f"{POLICIES}{Policy.objects.first().pk}/change/").status_code == 200


def test_a_case_is_cards_and_what_people_wrote_stays_text(gift: Gift) -> None:
    page = signed_in("support").get(f"{GIFTS}{gift.pk}/change/").content.decode()
    assert "What happened" in page
    assert "A &lt;i&gt;roof&lt;/i&gt;" in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>bold</b>" not in page
    assert 'name="title"' not in page


def test_a_case_that_is_not_there_leads_away_and_a_forbidden_one_is_403(gift: Gift) -> None:
    assert signed_in("support").get(f"{GIFTS}{uuid.uuid4()}/change/").status_code == 302
    assert signed_in("editor").get(f"{GIFTS}{gift.pk}/change/").status_code == 403
    assert signed_in("editor").get(GIFTS).status_code == 403


def test_nothing_is_written_by_form_unless_a_page_opens_it(gift: Gift) -> None:
    client = signed_in("admin")
    assert client.get(f"{GIFTS}add/").status_code == 403
    assert client.post(f"{GIFTS}{gift.pk}/change/", {"title": "mine"}).status_code == 403
    assert client.post(f"{GIFTS}{gift.pk}/delete/", {"post": "yes"}).status_code == 403
    gift.refresh_from_db()
    assert gift.title == "A <i>roof</i>"


def test_an_empty_list_invites_nobody_to_add_what_nobody_can_add(gift: Gift) -> None:
    client = signed_in("support")
    page = client.get(GIFTS, {"q": "no such thing"}).content.decode()
    assert "Nothing fits" in page
    assert "Reset filters" in page
    gift.delete()
    page = client.get(GIFTS).content.decode()
    assert "Nothing here yet" in page
    for invitation in ("Create a new item", "Add gift", f"{GIFTS}add/"):
        assert invitation not in page
    Policy.objects.filter(ptype="p").delete()
    Policy.objects.create(ptype="p", v0="admin", v1="policy", v2="view")
    Policy.objects.create(ptype="p", v0="admin", v1="policy", v2="add")
    page = signed_in("admin").get(POLICIES, {"q": "no such thing"}).content.decode()
    assert f"{POLICIES}add/" in page


def test_the_palette_finds_rows_and_forgets_them_with_the_right(gift: Gift) -> None:
    client = signed_in("support")
    assert str(gift.pk) in client.get("/admin/search/?s=roof&extended=1").content.decode()
    Policy.objects.filter(v1="gift").delete()
    assert str(gift.pk) not in client.get("/admin/search/?s=roof&extended=1").content.decode()


def test_a_filter_cannot_read_what_the_page_does_not_show() -> None:
    response = signed_in("admin").get("/admin/bh_access/staff/?password__startswith=pbkdf2")
    assert response.status_code == 400


# -- acting


def test_a_button_and_its_address_need_the_verb(gift: Gift) -> None:
    support, finance = signed_in("support"), signed_in("finance")
    page = f"{GIFTS}{gift.pk}/change/"
    assert f"{gift.pk}/approve/" not in support.get(page).content.decode()
    assert f"{gift.pk}/approve/" in finance.get(page).content.decode()
    assert press(support, gift, "Looks right to me").status_code == 403
    assert access_site.approved == []


def test_a_refusal_says_what_it_takes_who_has_it_and_leads_back_only_where_one_may_go(gift: Gift) -> None:
    address = f"{GIFTS}{gift.pk}/approve/"
    answer = signed_in("support").get(address)
    page = answer.content.decode()
    assert (answer.status_code, answer["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert "“Approve” (gifts) takes the role finance or admin." in page
    assert "with the role support." in page
    assert f'href="{GIFTS}{gift.pk}/change/"' in page
    answer = signed_in("editor").get(GIFTS)
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "Looking at this (gifts) takes the role support or finance or admin." in page
    assert GIFTS not in page
    assert 'href="/admin/"' in page


def test_a_refused_dialog_gives_way_to_the_page_which_says_the_same(gift: Gift) -> None:
    support = signed_in("support")
    answer = press(support, gift, "Looks right to me")
    assert (answer.status_code, answer["HX-Redirect"]) == (403, f"{GIFTS}{gift.pk}/change/")
    assert "takes the role finance or admin" in support.get(answer["HX-Redirect"]).content.decode()
    assert access_site.approved == []


def test_where_nobody_writes_by_form_the_refusal_says_so(gift: Gift) -> None:
    for address in (f"{GIFTS}add/", f"{GIFTS}{gift.pk}/delete/"):
        assert "Nobody changes gifts by a form" in signed_in("admin").get(address).content.decode()


def test_every_page_says_where_it_stands_in_the_words_of_the_sidebar(gift: Gift) -> None:
    client = signed_in("support")
    page = client.get(f"{GIFTS}{gift.pk}/change/").content.decode()
    trail = page.partition('aria-label="Where you are"')[2].partition("</nav>")[0]
    assert f'<a href="{GIFTS}">Gifts</a>' in trail
    assert '<a href="/admin/">Today</a>' in trail
    assert "A &lt;i&gt;roof&lt;/i&gt;</h1>" in trail
    trail = client.get(GIFTS).content.decode().partition('aria-label="Where you are"')[2].partition("</nav>")[0]
    assert "Gifts</h1>" in trail
    assert f'href="{GIFTS}"' not in trail


def test_a_decision_runs_the_command_as_its_person_and_is_logged(gift: Gift) -> None:
    response = press(signed_in("finance"), gift, "Looks right to me")
    assert response["HX-Redirect"] == f"{GIFTS}{gift.pk}/change/"
    assert access_site.approved == [(str(gift.pk), str(demo_sub("finance")))]
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_id, entry.get_change_message()) == (
        "finance",
        str(gift.pk),
        "Gift approved",
    )


def test_looking_at_a_dialog_does_nothing_and_a_bare_one_leads_to_the_page(gift: Gift) -> None:
    client = signed_in("finance")
    address = f"{GIFTS}{gift.pk}/approve/"
    assert "The gift is given after this." in client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert client.get(address)["Location"] == f"{GIFTS}{gift.pk}/change/"
    assert client.put(address).status_code == 405
    assert (access_site.approved, LogEntry.objects.count()) == ([], 0)


def test_a_dialog_says_why_it_refuses(gift: Gift) -> None:
    response = press(signed_in("finance"), gift, "impossible reason")
    assert "That cannot be the reason." in response.content.decode()
    assert access_site.approved == []


def test_a_command_s_refusal_is_told_and_not_logged_as_done(gift: Gift) -> None:
    client = signed_in("finance")
    press(client, gift, "closed anyway")
    assert "The campaign is closed" in client.get(f"{GIFTS}{gift.pk}/change/").content.decode()
    assert LogEntry.objects.count() == 0


def test_a_decision_needs_its_csrf_token(gift: Gift) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(Staff.objects.get(username="finance"))
    assert press(client, gift, "Looks right to me").status_code == 403
    assert access_site.approved == []


def test_many_at_once_says_how_many_did_and_how_many_did_not(gift: Gift) -> None:
    large = Gift.objects.create(title="Large", size=50, created_at=timezone.now())
    client = signed_in("finance")
    chosen = {"action": "enlarge", "_selected_action": [str(gift.pk), str(large.pk)]}
    page = client.post(GIFTS, chosen, follow=True).content.decode()
    assert "1 enlarged." in page
    assert "It is large already" in page
    assert {row.title: row.size for row in Gift.objects.all()} == {"A <i>roof</i>": 103, "Large": 50}
    assert LogEntry.objects.count() == 1


def test_many_at_once_needs_the_verb_too(gift: Gift) -> None:
    chosen = {"action": "enlarge", "_selected_action": [str(gift.pk)]}
    signed_in("support").post(GIFTS, chosen)
    gift.refresh_from_db()
    assert gift.size == 3


def test_a_button_without_a_dialog_does_not_pass_the_checks() -> None:
    class Careless(access_site.GiftAdmin):
        actions_row = ("enlarge",)

    kept = admin.site._registry[Gift]
    admin.site._registry[Gift] = Careless(Gift, admin.site)
    try:
        found = buttons_have_dialogs()
    finally:
        admin.site._registry[Gift] = kept
    assert [(error.id, "enlarge" in error.msg) for error in found] == [("bh_admin.E002", True)]
    assert checks.run_checks(tags=["bh_admin"]) == []


def test_a_guarded_page_has_no_attribute_that_is_not_a_right() -> None:
    page = admin.site._registry[Gift]
    assert isinstance(page, Guarded)
    assert callable(page.has_anything_permission)
    assert not hasattr(page, "anything")


# -- policies, revocations, staff


def test_an_admin_gives_and_takes_a_right_and_the_log_says_who() -> None:
    client, support = signed_in("admin"), signed_in("editor")
    assert support.get(GIFTS).status_code == 403
    client.post(f"{POLICIES}add/", {"role": "editor", "right": "gift view"})
    line = Policy.objects.get(v0="editor", v1="gift")
    assert support.get(GIFTS).status_code == 200
    client.post(f"{POLICIES}{line.pk}/delete/", {"post": "yes"})
    assert support.get(GIFTS).status_code == 403
    said = [(entry.user.username, entry.action_flag, entry.object_repr) for entry in LogEntry.objects.order_by("id")]
    assert said == [("admin", 1, "editor may view gift"), ("admin", 3, "editor may view gift")]


@pytest.mark.parametrize(
    ("role", "right"), [("editor", "gift fly"), ("emperor", "gift view"), ("support", "gift view")]
)
def test_a_policy_about_nothing_or_twice_is_refused(role: str, right: str) -> None:
    before = Policy.objects.count()
    response = signed_in("admin").post(f"{POLICIES}add/", {"role": role, "right": right})
    assert response.status_code == 200
    assert Policy.objects.count() == before


def test_nobody_can_throw_away_the_key_to_the_policies() -> None:
    line = Policy.objects.get(ptype="p", v0="admin", v1="policy", v2="add")
    client = signed_in("admin")
    assert client.post(f"{POLICIES}{line.pk}/delete/", {"post": "yes"}).status_code == 403
    client.post(POLICIES, {"action": "delete_selected", "_selected_action": [str(line.pk)], "post": "yes"})
    assert Policy.objects.filter(pk=line.pk).exists()


def test_only_admins_touch_policies(gift: Gift) -> None:
    client = signed_in("finance")
    assert client.get(POLICIES).status_code == 403
    assert client.post(f"{POLICIES}add/", {"role": "finance", "right": "policy add"}).status_code == 403


def test_a_revocation_keeps_who_made_it() -> None:
    form = {"kind": "subject", "value": "monolith", "reason": "key leaked", "until_0": "", "until_1": ""}
    signed_in("admin").post("/admin/bh_access/revocation/add/", form)
    assert Revocation.objects.get().revoked_by == str(demo_sub("admin"))


def test_an_admin_adds_staff_who_can_sign_in() -> None:
    form = {
        "username": "newcomer",
        "sub": str(uuid.uuid4()),
        "roles": ["support"],
        "is_active": "on",
        "password_new": "correct-horse-battery",
    }
    response = signed_in("admin").post("/admin/bh_access/staff/add/", form)
    assert response.status_code == 302
    client = Client()
    assert client.login(username="newcomer", password="correct-horse-battery")
    assert client.get(GIFTS).status_code == 200


def test_nobody_takes_away_their_own_account() -> None:
    me = Staff.objects.get(username="admin")
    form = {"username": "admin", "sub": str(me.sub), "name": "Renamed", "roles": ["support"]}
    signed_in("admin").post(f"/admin/bh_access/staff/{me.pk}/change/", form)
    me.refresh_from_db()
    assert (me.is_active, me.roles, me.name) == (True, ["admin"], "Renamed")


def test_demo_staff_are_for_local_stacks_and_making_them_again_changes_nothing() -> None:
    call_command("demo_staff", stdout=StringIO())
    made = list(Staff.objects.values_list("username", "sub", "password"))
    call_command("demo_staff", stdout=StringIO())
    assert len(made) == 8
    assert list(Staff.objects.values_list("username", "sub", "password")) == made
    with override_settings(BH_ENV="production"), pytest.raises(CommandError):
        call_command("demo_staff")


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: LogEntry.objects.update(change_message="Nothing happened"),
        lambda entry: entry.delete(),
        lambda entry: entry.user.delete(),
    ],
    ids=["update", "delete", "delete the person"],
)
def test_the_log_is_only_added_to(gift: Gift, change: Callable[[LogEntry], object]) -> None:
    press(signed_in("finance"), gift, "Looks right to me")
    entry = LogEntry.objects.get()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        change(entry)
    assert LogEntry.objects.get().get_change_message() == "Gift approved"
