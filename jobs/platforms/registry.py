"""The platforms by name, each with one gateway that everybody shares."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from pydantic import SecretStr

from jobs.core.errors import NotFound
from jobs.core.nearest import nearest
from jobs.platforms.gateway import Gateway
from jobs.platforms.profiles import Profile
from jobs.platforms.sampling import Sampler

KeyOf = Callable[[str], SecretStr | None]
"""Returns the secret in an environment variable, or None if it is not set."""
HideSecret = Callable[[SecretStr], None]
"""Keeps a secret out of the log."""


@dataclass(slots=True)
class Platforms:
    """The platforms by name, each with one gateway that is opened when it is first needed."""

    profiles: Mapping[str, Profile]
    key_of: KeyOf
    stack: AsyncExitStack
    """Closes the gateways."""
    hide: HideSecret
    _gateways: dict[str, Gateway] = field(init=False, default_factory=dict)
    _samplers: dict[str, Sampler] = field(init=False, default_factory=dict)

    @property
    def default(self) -> str:
        """The name of the platform used where nobody names one: the local one where it runs."""
        return "local" if "local" in self.profiles else next(iter(self.profiles), "local")

    @property
    def with_keys(self) -> Mapping[str, Profile]:
        """The platforms that can be asked: their key is set, or they take any."""
        return {
            name: profile
            for name, profile in self.profiles.items()
            if profile.default_key or not profile.api_key_env or self.key_of(profile.api_key_env)
        }

    def profile_of(self, name: str) -> Profile:
        """Return a platform's profile; raises NotFound naming the nearest."""
        if name not in self.profiles:
            raise NotFound(f"There is no platform '{name}'; {nearest(name, self.profiles)}")
        return self.profiles[name]

    def platform_of(self, name: str) -> tuple[Profile, Gateway]:
        """Return a platform's profile and gateway; see `jobs.platforms.gateway.PlatformOf`."""
        profile = self.profile_of(name)
        if name not in self._gateways:
            secret = self.key_of(profile.api_key_env) if profile.api_key_env else None
            if secret:
                self.hide(secret)
            gateway = Gateway(profile, secret.get_secret_value() if secret else (profile.default_key or ""))
            self.stack.push_async_callback(gateway.aclose)
            self._gateways[name] = gateway
        return profile, self._gateways[name]

    def sampler_of(self, name: str) -> Sampler:
        """Return what asks a platform's models: one for everybody, so that together they keep to its limits."""
        profile, gateway = self.platform_of(name)
        if name not in self._samplers:
            self._samplers[name] = Sampler(gateway, profile.max_concurrency)
        return self._samplers[name]
