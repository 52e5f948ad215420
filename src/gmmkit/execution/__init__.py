"""How a pass over rows is cut into tasks and run: serially or on threads, with the same bits either way."""

from gmmkit.execution.local import Workers, thread_count
from gmmkit.execution.plan import Plan, plan_blocks, plan_fused, plan_pass

__all__ = ["Plan", "Workers", "plan_blocks", "plan_fused", "plan_pass", "thread_count"]
