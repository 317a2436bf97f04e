"""An object of the student's that stays in the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from nncourse.grading.sandbox.session import Session


class Handle:
    """An object that stays in the sandbox; only plain data comes out of it.

    It refuses to be compared, counted, tested or hashed: its answers would be the student's.
    ``why`` says why it did not come as plain data, if it looked like it.
    """

    __slots__ = ("_cell", "_number", "_session", "why")

    def __init__(self, session: Session, number: int) -> None:
        self._session = session
        self._number = number
        self._cell = session.cell
        self.why = ""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the object."""
        return self._session.call(self, args, kwargs)

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call one of its methods; ``method`` may be dotted."""
        return self._session.call(self, args, kwargs, path=method)

    def get(self, attribute: str) -> Any:
        """Read an attribute; it may be dotted."""
        return self._session.get(self, attribute)

    def set(self, attribute: str, value: Any) -> None:
        """Assign an attribute; it may be dotted."""
        self._session.set(self, attribute, value)

    def type_name(self) -> str:
        """The name of its type, as the student's process tells it."""
        return self._session.type_name(self)

    def _refuse(self, *_: Any) -> NoReturn:
        raise TypeError("an object in the sandbox can't be compared, tested or counted with")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __bool__ = __len__ = __iter__ = __contains__ = _refuse
    __float__ = __int__ = __index__ = __array__ = _refuse
    __add__ = __sub__ = __mul__ = __truediv__ = __matmul__ = __pow__ = __neg__ = __abs__ = _refuse
    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rmatmul__ = __rpow__ = _refuse
    __getitem__ = __setitem__ = _refuse
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<object {self._number} in the sandbox>"

    def __del__(self) -> None:
        if self._session.cell == self._cell:
            self._session.dropped.append(self._number)
