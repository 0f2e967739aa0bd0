"""`make demo`: everything on this machine, no account needed.

stack            the parts and their order: Redis, training platform, workspace, bots
supervisor       keeps parts running; subprocesses, children that do not outlive their parent
embedded_redis   a Redis server with its data under PROCTOR_HOME; server_binary, which program that is
folder           what the demo keeps under PROCTOR_HOME: its lock, its ports, small files
"""
