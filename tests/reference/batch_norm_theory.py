r"""Both sides of Theorems 4.1 and 4.2 for one unit of one batch norm, with BN's eps exact.

Santurkar et al. (2018), section 4. The unit sees y in R^m (m = N, or N*H*W for images), and

    mu = <1, y>/m,   s^2 = |y - mu|^2/m + eps,   n = (y - mu)/s,   z = gamma n + beta,

so n is what the code computes, not the exactly whitened vector: |n|^2 = m (1 - k) with
k = eps/s^2. The rest of the network is one function f of z, g = f'(z), H = f''(z), and
L_bn(y) = f(z(y)). All other units are constants.

**First derivative.** ds/dy = n/m, hence dn/dy = A/s with A = I - 11'/m - nn'/m, and the gradient
of L_bn is u = (gamma/s) A g. A is symmetric, <1, n> = 0, so A A = I - 11'/m - (1 + k) nn'/m and

    |u|^2 = (gamma^2/s^2) ( |g|^2 - <1, g>^2/m - (1 + k) <g, n>^2/m ).                (4.1, eps)

With eps = 0: k = 0, s = sigma, and this is Theorem 4.1 as an equality, with 1/m on the last term
(the paper's v3 prints 1/sqrt(m)).

**Second derivative.** Along u, which is centred because A1 = 0, put a = <n, u>/m. Then
n' = (u - a n)/s and s' = a; differentiating once more,

    a' = <n', u>/m = (|u|^2/m - a^2)/s,
    n'' = -(a/s^2)(u - a n) - (a n' + a' n)/s = ( -2 a u + 3 a^2 n - n |u|^2/m ) / s^2.

By the chain rule, u' L_bn'' u = z'' . g + z' . H z' with z' = gamma n' and z'' = gamma n'':

    u' L_bn'' u = (gamma^2/s^2) v'Hv - (gamma/(m s^2)) <g, n> |u|^2
                  - (2 gamma a/s^2) <g, u> + (3 gamma a^2/s^2) <g, n>,    v = u - a n. (4.2, eps)

From A n = k n: a = gamma k <g, n>/(m s). With eps = 0: a = 0, v = u, and Theorem 4.2 remains, as an
equality.

The left sides below use none of this: they are automatic derivatives of y -> f(z(y)), the Hessian
as a dense m x m matrix.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch.autograd.functional import hessian, jacobian


@dataclass
class Unit:
    theorem_4_1_left: float
    theorem_4_1_right: float
    theorem_4_2_left: float
    theorem_4_2_right: float
    theorem_4_1_paper: float
    theorem_4_2_paper: float
    removed_fraction: float
    m: int


def normalised(y, gamma, beta, eps):
    """Batch norm of one unit, from its definition."""
    centred = y - y.mean()
    return gamma * centred / torch.sqrt((centred**2).mean() + eps) + beta


def batch_norm_unit(y_all, downstream, *, unit, gamma, beta, eps):
    """Both sides of both theorems for one unit.

    `y_all` is the input of the batch norm, (N, C) or (N, C, H, W); `gamma` and `beta` hold C
    numbers; `downstream` maps the batch norm's whole output to the scalar loss.
    """
    z_all = torch.stack(
        [
            normalised(y_all[:, j].reshape(-1), gamma[j], beta[j], eps).reshape(y_all[:, j].shape)
            for j in range(y_all.shape[1])
        ],
        dim=1,
    ).detach()

    def f(z):
        units = [z_all[:, j] for j in range(y_all.shape[1])]
        units[unit] = z.reshape(units[unit].shape)
        return downstream(torch.stack(units, dim=1))

    y = y_all[:, unit].reshape(-1).detach()
    return both_sides(f, y, float(gamma[unit]), float(beta[unit]), eps)


def both_sides(f, y, gamma, beta, eps):
    """Both sides for the vector `y` of one unit, and the scalar function `f` of its output."""

    def through(x):
        return f(normalised(x, gamma, beta, eps))

    z = normalised(y, gamma, beta, eps)
    m = y.numel()
    u = jacobian(through, y).numpy()
    u_l_u = u @ hessian(through, y).numpy() @ u
    g = jacobian(f, z).numpy()
    h = hessian(f, z).numpy()
    centred = y.numpy() - y.numpy().mean()
    variance = np.mean(centred**2)
    s = np.sqrt(variance + eps)
    n = centred / s
    k = eps / s**2
    a = gamma * k * (g @ n) / (m * s)
    v = u - a * n
    scale = gamma**2 / s**2
    right_1 = scale * (g @ g - g.sum() ** 2 / m - (1 + k) * (g @ n) ** 2 / m)
    right_2 = (
        scale * (v @ h @ v)
        - gamma / (m * s**2) * (g @ n) * (u @ u)
        - 2 * gamma * a / s**2 * (g @ u)
        + 3 * gamma * a**2 / s**2 * (g @ n)
    )
    return Unit(
        theorem_4_1_left=u @ u,
        theorem_4_1_right=right_1,
        theorem_4_2_left=u_l_u,
        theorem_4_2_right=right_2,
        theorem_4_1_paper=paper_4_1(g, centred / np.sqrt(variance), gamma, np.sqrt(variance)),
        theorem_4_2_paper=paper_4_2(g, h, u, centred / np.sqrt(variance), gamma, variance),
        removed_fraction=removed_fraction(g, n),
        m=m,
    )


def paper_4_1(g, y_hat, gamma, sigma):
    """Right side of Theorem 4.1 with 1/m, where eps is 0."""
    m = len(g)
    return gamma**2 / sigma**2 * (g @ g - g.sum() ** 2 / m - (g @ y_hat) ** 2 / m)


def paper_4_2(g, h, u, y_hat, gamma, variance):
    """Right side of Theorem 4.2, where eps is 0."""
    m = len(g)
    return gamma**2 / variance * (u @ h @ u) - gamma / (m * variance) * (g @ y_hat) * (u @ u)


def removed_fraction(g, n):
    """rho: the share of |g|^2 that lies along 1/sqrt(m) and n/sqrt(m).

    n is as long as the code makes it, so that <g, n> is the gradient of gamma; with eps > 0 the
    second direction is a little shorter than a unit vector, and rho is at most 1 all the same.
    """
    m = len(g)
    along = np.stack([np.ones(m), n]) / np.sqrt(m) @ g
    return (along @ along) / (g @ g)
