"""``nnc.autograd.functional``: ``higher.py`` under the path it has in PyTorch."""

from nncourse.autograd.higher import hessian, hvp, jacobian, jvp, vhp, vjp

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
