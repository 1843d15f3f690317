"""What live sources share: opened, lost and opened again, closed at any time from any thread."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from emolib.core.errors import BadParameter, EmolibError
from emolib.device.sensors.base import Chunk, Source, SourceLost
from emolib.device.sensors.inbox import Inbox
from emolib.signals.readers import Trained


class Sensor(Source):
    """A source whose samples another thread puts into an inbox, newer ones for each opening.

    `where` is what its name says behind the kind; quiet_s: without a chunk until it is taken for lost, with a
    `hint` why; limit: chunks that wait to be taken.
    """

    is_live: ClassVar[bool] = True
    quiet_s: ClassVar[float] = 3.0
    limit: ClassVar[int] = 100
    hint: ClassVar[str]

    def __init__(self, modality: str, name: str, where: str, trained: Trained):
        super().__init__(modality, name)
        self.where, self.trained = where, trained
        self.inbox, self.was_here = Inbox(self.name, self.limit), False

    @property
    def dropped(self) -> int:
        """Chunks that nobody took in time, since it was opened."""
        return self.inbox.dropped

    def open(self) -> Trained:
        self.close()
        inbox = self.inbox = Inbox(self.name, self.limit)
        try:
            about = self.connect(inbox)
        except BaseException:
            self.close()
            raise
        if inbox.ended:
            self.disconnect()
            raise SourceLost(f"{self.name} was closed while it was opened.")
        self.was_here = True
        return about

    def chunks(self) -> Iterator[Chunk]:
        return self.inbox.take(self.quiet_s, self.hint)

    def close(self) -> None:
        self.inbox.end()
        self.disconnect()

    def absent(self, text: str) -> EmolibError:
        """The error of something that is not there: a mistake the first time, a loss once it was."""
        return SourceLost(text) if self.was_here else BadParameter(text)

    @abstractmethod
    def connect(self, inbox: Inbox) -> Trained:
        """Start to fill the inbox. Raises BadParameter, SourceLost."""

    @abstractmethod
    def disconnect(self) -> None:
        """Let go of whatever `connect` took, if it did; twice too."""
