"""How much a packed file may unfold to: a bomb, or a header that lies, is told before it takes the memory."""

MOST_TIMES, FREE_BYTES = (
    200,
    64 << 20,
)  # times its own size, or this if it is more; deflate reaches 1000 on zeros


def most_unfolded(n_packed: int) -> int:
    """Bytes that n_packed bytes may unfold to."""
    return max(MOST_TIMES * n_packed, FREE_BYTES)
