"""One SIP user: settings, password, static contacts, third-party rules. The list is in user_list_views.py."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from registrar.call_forwarding import in_words
from registrar.devices import device_facts, reach_of
from registrar.forms import PasswordForm, StaticContactForm, ThirdPartyRuleForm, UserForm, generate_password
from registrar.models import Binding, Domain, SipUser, StaticContact, ThirdPartyRule
from sipadmin.accounts.roles import AdministratorRequired, AdministratorWrites, is_administrator
from sipadmin.activation import add_errors, say_saved
from sipadmin.dashboard import snapshot
from sipadmin.effective import effective_policies, sentence
from sipadmin.policy_form import make_read_only
from sipadmin.provisioning import ProvisioningError, own_policy, save_user
from sipadmin.static_contacts import add_static_contact
from sipadmin.user_history import history


@method_decorator([never_cache, sensitive_post_parameters("password")], name="dispatch")
class NewUserView(AdministratorRequired, View):
    """A new user; a generated password is shown in the one answer to the form."""

    template_name = "registrar/user_new.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        initial = {
            "policy_action": "inherit",
            "domain": Domain.objects.filter(name=request.GET.get("domain", "")).first(),
        }
        return self.page(request, UserForm(initial=initial))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = UserForm(request.POST)
        if form.is_valid():
            is_generated = form.cleaned_data["password_mode"] == UserForm.GENERATE
            password = generate_password() if is_generated else form.cleaned_data["password"]
            try:
                user, _ = save_user(
                    form.cleaned_data["domain"], form.cleaned_data["username"], password=password, **form.values()
                )
            except ProvisioningError as error:
                add_errors(form, error, {"policy": "policy_argument"})
            else:
                say_saved(request, f"{user} is there.")
                if is_generated:
                    return render(
                        request,
                        "registrar/password_once.html",
                        {"page": "users", "user_row": user, "password": password},
                    )
                return redirect("user", pk=user.pk)
        return self.page(request, form, status=422)

    def page(self, request: HttpRequest, form: UserForm, status: int = 200) -> HttpResponse:
        context = {"page": "users", "form": form, "has_domain": Domain.objects.exists()}
        return render(request, self.template_name, context, status=status)


def find_row(pk: int) -> SipUser:
    return get_object_or_404(SipUser.objects.select_related("domain"), pk=pk)


class UserView(AdministratorWrites, View):
    """One user: settings, effective policy, contacts, who may register for whom. Operators read."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = find_row(pk)
        return user_page(request, user, UserForm(user=user, initial=UserForm.initial_of(user, *own_policy(user))))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = find_row(pk)
        form = UserForm(request.POST, user=user)
        if form.is_valid():
            try:
                save_user(user.domain, user.username, may_create=False, **form.values())
            except ProvisioningError as error:
                add_errors(form, error, {"policy": "policy_argument"})
            else:
                say_saved(request)
                return redirect("user", pk=pk)
        return user_page(request, user, form, status=422)


def user_page(
    request: HttpRequest,
    user: SipUser,
    form: UserForm | None = None,
    password_form: PasswordForm | None = None,
    rule_form: ThirdPartyRuleForm | None = None,
    contact_form: StaticContactForm | None = None,
    status: int = 200,
) -> HttpResponse:
    form = form or UserForm(user=user, initial=UserForm.initial_of(user, *own_policy(user)))
    if not is_administrator(request.user):
        make_read_only(form)
    bindings = Binding.objects.live().filter(user=user).select_related("user__domain").order_by("-q", "-refreshed_at")
    reach = reach_of(bindings)
    rules = ThirdPartyRule.objects.select_related("actor__domain", "target__domain")
    effective = effective_policies([user])[0]
    context = {
        "page": "users",
        "user_row": user,
        "form": form,
        "password_form": password_form or PasswordForm(),
        "rule_form": rule_form or ThirdPartyRuleForm(target=user),
        "effective": effective,
        "effective_sentence": sentence(effective),
        "arrangement": in_words(user.do_not_disturb, user.forward_always, user.forward_busy),
        "bindings": [
            {**snapshot.binding_facts(binding), "device": device_facts(binding, reach.get(binding.pk))}
            for binding in bindings
        ],
        "static_contacts": StaticContact.objects.filter(user=user),
        "contact_form": contact_form or StaticContactForm(),
        "registered_by_others": rules.filter(target=user),
        "registers_for_others": rules.filter(actor=user),
        "stored_messages": user.stored_messages.defer("message").filter(expires_at__gt=timezone.now()),
        "now": timezone.now(),
        "history": history(user, with_changes=is_administrator(request.user)),
    }
    return render(request, "registrar/user.html", context, status=status)


class EnableUserView(AdministratorRequired, View):
    """Enables or disables: a disabled user neither registers nor is called."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = find_row(pk)
        enabled = request.POST.get("enabled") == "on"
        save_user(user.domain, user.username, may_create=False, enabled=enabled)
        say_saved(
            request, f"{user} is {'enabled' if enabled else 'disabled: its contacts drop and calls get a refusal'}."
        )
        return redirect("user", pk=pk)


@method_decorator([never_cache, sensitive_post_parameters("password")], name="dispatch")
class PasswordView(AdministratorRequired, View):
    """A new password, given or generated."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = find_row(pk)
        form = PasswordForm(request.POST)
        if not form.is_valid():
            return user_page(request, user, password_form=form, status=422)
        password = form.cleaned_data["password"] or generate_password()
        save_user(user.domain, user.username, may_create=False, password=password)
        say_saved(request, f"{user} has a new password.")
        if form.cleaned_data["password"]:
            return redirect("user", pk=pk)
        return render(
            request, "registrar/password_once.html", {"page": "users", "user_row": user, "password": password}
        )


class DeleteUserView(AdministratorRequired, View):
    """Asks first, naming what falls with the user."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = find_row(pk)
        phones = Binding.objects.live().filter(user=user).count()
        context = {
            "page": "users",
            "title": f"Delete {user}?",
            "effects": [f"{phones} registered contacts drop at once.", "Calls to this address get 404 from then on."],
            "back": "user",
            "pk": pk,
        }
        return render(request, "confirm.html", context)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = find_row(pk)
        name = str(user)
        with transaction.atomic():
            user.delete()
        say_saved(request, f"{name} is deleted.")
        return redirect("users")


class NewStaticContactView(AdministratorRequired, View):
    """Sets a contact that never expires."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = find_row(pk)
        form = StaticContactForm(request.POST)
        if form.is_valid():
            try:
                add_static_contact(user, **form.cleaned_data)
            except ProvisioningError as error:
                add_errors(form, error)
            else:
                say_saved(request, f"Calls to {user} go to this contact, too.")
                return redirect("user", pk=pk)
        return user_page(request, user, contact_form=form, status=422)


class DeleteStaticContactView(AdministratorRequired, View):
    """Takes a static contact away."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int, contact: int) -> HttpResponse:
        row = get_object_or_404(StaticContact.objects.select_related("user__domain"), pk=contact, user=pk)
        with transaction.atomic():
            row.delete()
        say_saved(request, f"Calls to {row.user} do not go there any more.")
        return redirect("user", pk=pk)


class NewRuleView(AdministratorRequired, View):
    """Lets somebody else register for a user."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = find_row(pk)
        form = ThirdPartyRuleForm(request.POST, target=user)
        if not form.is_valid():
            return user_page(request, user, rule_form=form, status=422)
        with transaction.atomic():
            ThirdPartyRule.objects.create(
                actor=form.cleaned_data["actor"], target=user, ends_at=form.cleaned_data["ends_at"]
            )
        say_saved(request, f"{form.cleaned_data['actor']} may register for {user}.")
        return redirect("user", pk=pk)


class DeleteRuleView(AdministratorRequired, View):
    """Ends a third-party rule."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int, rule: int) -> HttpResponse:
        row = get_object_or_404(ThirdPartyRule.objects.select_related("actor__domain"), pk=rule, target=pk)
        with transaction.atomic():
            row.delete()
        say_saved(request, f"{row.actor} may not register for this user any more.")
        return redirect("user", pk=pk)
