"""Whose failures are those of a shared load balancer?  CloudWatch does not say; this is the written rule.

1. Services without a healthy host bear them, equally: without targets a load balancer answers 503.
2. Otherwise they are divided by the requests that each service received.
3. Without any request they are divided equally.

Who has left the load balancer, or was not there yet, bears nothing.  Shares are whole requests and add up to
exactly what failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def share_failures(
    failures: NDArray[np.int64],
    requests: NDArray[np.float64],
    healthy: NDArray[np.bool_],
    there: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Divide `failures` [minutes] over the services that share the load balancer.

    `requests`, `healthy` and `there` are [minutes, services], and so is the answer.  In a minute without
    anybody there all are.
    """
    there = there | ~there.any(axis=1, keepdims=True)
    down = there & ~healthy
    weights = np.where(down.any(axis=1, keepdims=True), down, np.where(there, requests, 0.0))
    weights = np.where(weights.sum(axis=1, keepdims=True) > 0, weights, there)
    exact = failures[:, np.newaxis] * weights / weights.sum(axis=1, keepdims=True)
    shares = np.floor(exact).astype(np.int64)
    left = failures - shares.sum(axis=1)
    rank = np.argsort(np.argsort(shares - exact, axis=1, kind="stable"), axis=1)
    return np.asarray(shares + (rank < left[:, np.newaxis]))
