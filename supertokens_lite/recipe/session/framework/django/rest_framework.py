"""Sessions for Django REST Framework: an authentication class, and permission classes that answer as `verify_session`.

The framework asks for a user first and whether one is needed afterwards. So a request without a session is anonymous,
and permissions refuse it; one whose session is not good is refused at once. Errors of this package are let through to
the middleware of Django's door, which answers them: with the same bytes, headers and cookies as everywhere.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar, Final

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from supertokens_lite.exceptions import ConfigurationError
from supertokens_lite.framework.django.django_middleware import request_of, show
from supertokens_lite.recipe.session.claims import SessionClaimValidator
from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.recipe.session.exceptions import SuperTokensSessionError
from supertokens_lite.supertokens import Supertokens

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module, where the settings name it

__all__ = ("HasSession", "SessionAuthentication", "SessionUser", "require_claims")

SCHEME: Final = "Bearer"


class SessionUser:
    """A user of whom only the session is known; may do nothing that Django's permissions guard.

    Args:
        session: the session.
    """

    is_active = True
    is_anonymous = False
    is_authenticated = True
    is_staff = False
    is_superuser = False

    def __init__(self, session: SessionContainer) -> None:
        self.id = self.pk = session.get_user_id()

    def get_username(self) -> str:
        """Give the user id."""
        return self.id

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Tell that there is no such permission."""
        return False

    def has_perms(self, perm_list: Collection[str], obj: object = None) -> bool:
        """Tell whether no permission is wanted."""
        return not perm_list

    def has_module_perms(self, package_name: str) -> bool:
        """Tell that there is none."""
        return False

    def __str__(self) -> str:
        return self.id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SessionUser) and other.id == self.id

    def __hash__(self) -> int:
        return hash((SessionUser, self.id))


class SessionAuthentication(BaseAuthentication):
    """Gives `request.user` and, as `request.auth` and `request.supertokens`, the session of a request.

    A request without a session is anonymous. To change an option, put a class of your own below it:

        class Strict(SessionAuthentication):
            check_database = True

    Attributes:
        anti_csrf_check: whether the request has to show that it comes from the website; None: unless it is a GET, or
            its token came in a header.
        check_database: whether the core is asked if the session still exists.
        user_context: travels to overrides; each request gets a copy of it.
        app: the SDK to use; None: that of the middleware.
    """

    anti_csrf_check: ClassVar[bool | None] = None
    check_database: ClassVar[bool] = False
    user_context: ClassVar[dict[str, Any] | None] = None
    app: ClassVar[Supertokens | None] = None

    def authenticate(self, request: Request) -> tuple[Any, SessionContainer] | None:
        """Give the user and the session; None if the request has none.

        Raises:
            SuperTokensSessionError: the session is not good; the middleware answers.
            ConfigurationError: the middleware is missing.
        """
        session = self.verify(request, session_required=False)
        return None if session is None else (self.get_user(session), session)

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme, so that Django REST Framework answers 401, and not 403, where its own permissions refuse."""
        return SCHEME

    def get_user(self, session: SessionContainer) -> Any:
        """Give what is to be `request.user`; override it to give one of Django's own users."""
        return SessionUser(session)

    def choose_validators(
        self, validators: list[SessionClaimValidator], session: SessionContainer, user_context: dict[str, Any]
    ) -> list[SessionClaimValidator]:
        """Give the claim validators that the session has to pass, of all that every session has to; override it."""
        return validators

    def verify(self, request: Request, *, session_required: bool) -> SessionContainer | None:
        """Verify the session of a request with the options of this class.

        Raises:
            SuperTokensSessionError: there is no good session.
        """
        known = request_of(request._request)
        session = (self.app or known.supertokens).blocking_doors.verify_session(
            known,
            self.anti_csrf_check,
            session_required,
            self.check_database,
            self.choose_validators,
            self.user_context,
        )
        show(request._request, session)  # Django REST Framework's own request shows what Django's has
        return session


class _Refusing(BasePermission):
    """A permission whose refusal is an error of this package.

    The error is raised where it is to be answered: for the request itself, and where nothing but this permission
    decides. Joined with others by `|` or `~`, and where a page only asks which methods there are, it says no.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Tell whether the request may go on."""
        try:
            self.check(request)
        except SuperTokensSessionError:
            is_asked_for = request.method == request._request.method
            if is_asked_for and any(type(each) is type(self) for each in view.get_permissions()):
                raise
            return False
        return True

    @abstractmethod
    def check(self, request: Request) -> SessionContainer:
        """Give the session.

        Raises:
            SuperTokensSessionError: it may not go on.
        """


class HasSession(_Refusing):
    """Lets requests with a session through; others are answered as `verify_session` does."""

    def check(self, request: Request) -> SessionContainer:
        """Give the session of the request, verified here if no authentication class has done so.

        Raises:
            SuperTokensSessionError: there is no good session.
        """
        if isinstance(request.auth, SessionContainer):
            return request.auth
        ours = (each for each in request.authenticators or () if isinstance(each, SessionAuthentication))
        session = next(ours, SessionAuthentication()).verify(request, session_required=True)
        assert session is not None
        return session


def require_claims(*validators: SessionClaimValidator) -> type[HasSession]:
    """Give a permission class: the session has to pass these validators, else 403 with what they said.

    `permission_classes = [require_claims(ROLE.validators.has_value("admin"))]`

    Args:
        validators: from the `validators` of claims.

    Raises:
        ConfigurationError: there is none, or something else than a validator.
    """
    if not validators or not all(isinstance(each, SessionClaimValidator) for each in validators):
        raise ConfigurationError("require_claims needs validators, like ROLE.validators.has_value('admin')")

    class HasClaims(HasSession):
        """Lets requests through whose session passes some claim validators."""

        def check(self, request: Request) -> SessionContainer:
            session = super().check(request)
            session.sync_assert_claims(list(validators))
            return session

    return HasClaims
