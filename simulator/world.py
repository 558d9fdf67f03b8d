"""The living world: an estate that `step(now)` moves forward, and the record of all that was done to it.

Callers use
- `World(scenario, recording=None)`;
- `world.step(now) -> list[Delivery]`: move on to `now`; what reaches each region's event bus meanwhile;
- `world.ecs.call(operation, params, region=, account=, caller=) -> dict` and the same of `world.scaling`
  (Application Auto Scaling): AWS's shapes as boto3 has them, errors as `simulator.refusal.Refusal`;
- `world.cloudwatch.call(operation, params, region=, account=, now=, caller=)`;
- `world.calls`, `world.truth`, `world.estate`, `world.now`, `world.scenario`.
"""
