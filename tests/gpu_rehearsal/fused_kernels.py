"""What a GPU does in one kernel for all parameters, in the operations of PyTorch's CPU loops.

So a fused step on the pretended GPU gives the bits of the CPU's own step. As a real kernel, they
leave everything as it is where ``found_inf`` is 1, and no host reads it.
"""

import torch


def _skips(found_inf):
    return found_inf is not None and found_inf.item() == 1


@torch.no_grad()
def _sgd(parameters, gradients, buffers, *, weight_decay, momentum, lr, nesterov, **more):
    if _skips(more.get("found_inf")):
        return
    for index, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
        if weight_decay:
            gradient = gradient.add(parameter, alpha=weight_decay)
        if momentum:
            buffer = buffers[index]
            if more["is_first_step"]:
                buffer.copy_(gradient)
            else:
                buffer.mul_(momentum).add_(gradient)
            gradient = gradient.add(buffer, alpha=momentum) if nesterov else buffer
        parameter.add_(gradient, alpha=-float(lr))


@torch.no_grad()
def _adamw(
    parameters, gradients, means, squares, _, steps, *, lr, beta1, beta2, weight_decay, eps, **more
):
    if _skips(more.get("found_inf")):
        return
    lr = float(lr)
    of_each = zip(parameters, gradients, means, squares, steps, strict=True)
    for parameter, gradient, mean, square, step in of_each:
        count = step.item()
        parameter.mul_(1 - lr * weight_decay)
        mean.lerp_(gradient, 1 - beta1)
        square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        size, root = lr / (1 - beta1**count), (1 - beta2**count) ** 0.5
        parameter.addcdiv_(mean, (square.sqrt() / root).add_(eps), value=-size)


FUSED = {"_fused_sgd_": _sgd, "_fused_adamw_": _adamw}
