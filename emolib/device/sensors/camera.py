"""A camera by OpenCV: only the newest picture counts."""

import time
from pathlib import Path
from threading import Thread, current_thread

from emolib.core.errors import BadParameter
from emolib.device.sensors.base import SCENE, Chunk, Inbox, LiveSensor, SensorLost, extra
from emolib.signals.readers import SignalInfo

SILENT = 0  # of OpenCV's log levels
MAX_HZ = 10.0  # more pictures a second are not decoded
JOIN_S = 1.0  # a read that hangs is left to end by itself


def pump(cv2, capture, inbox: Inbox):
    """Put pictures (height, width, 3) uint8 RGB into the inbox until it ends; then release the camera."""
    due_s = 0.0
    try:
        while not inbox.ended and capture.grab():
            now_s = time.monotonic()
            if now_s >= due_s:
                is_read, image = capture.retrieve()
                if not is_read:
                    break
                inbox.put(Chunk(now_s, cv2.cvtColor(image, cv2.COLOR_BGR2RGB)))
                due_s = now_s + 1 / MAX_HZ
        inbox.lose("the camera gives no more pictures: it was unplugged, or another program took it")
    except Exception as error:  # drivers raise what they like
        inbox.lose(f"the camera failed ({str(error).strip()})")
    finally:
        capture.release()


class Camera(LiveSensor):
    """`where` is "" or the number of a camera, or a path like /dev/video2."""

    hint = "another program may have the camera"
    limit = 1
    thread: Thread | None = None

    def connect(self, inbox: Inbox) -> SignalInfo:
        cv2 = extra("cv2", self.name)
        cv2.setLogLevel(SILENT)  # what fails is said in one line
        device = self.where or "0"
        capture = cv2.VideoCapture(int(device) if device.isdecimal() else device)
        if not capture.isOpened():
            if Path(f"/dev/video{device}" if device.isdecimal() else device).exists():
                raise SensorLost(f"{self.name} cannot be opened: another program may have it.")
            known = ", ".join(sorted(map(str, Path("/dev").glob("video*")))) or "a camera, but there is none"
            raise BadParameter(f"{self.name} is not there, or another program has it: expected {known}.")
        self.thread = Thread(target=pump, args=(cv2, capture, inbox), name=f"emolib {self.name}", daemon=True)
        self.thread.start()
        return SignalInfo(0.0, SCENE)

    def disconnect(self):
        if self.thread is not None and self.thread is not current_thread():
            self.thread.join(JOIN_S)
