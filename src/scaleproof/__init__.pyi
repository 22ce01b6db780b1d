# The public names for type checkers; __init__.py imports each when it is first used.
from scaleproof.components.api_gateway import ApiGateway as ApiGateway
from scaleproof.components.api_gateway import GatewayArgs as GatewayArgs
from scaleproof.components.autoscaled_service import AutoscaledService as AutoscaledService
from scaleproof.components.autoscaled_service import ServiceArgs as ServiceArgs
from scaleproof.components.load_test import LoadTest as LoadTest
from scaleproof.components.load_test import LoadTestArgs as LoadTestArgs
from scaleproof.components.observability import Observability as Observability
from scaleproof.components.observability import ObservabilityArgs as ObservabilityArgs
from scaleproof.components.postgres import Postgres as Postgres
from scaleproof.components.postgres import PostgresArgs as PostgresArgs
from scaleproof.components.redis import Redis as Redis
from scaleproof.components.redis import RedisArgs as RedisArgs
from scaleproof.components.replica_pod import Container as Container
from scaleproof.components.replica_pod import Serving as Serving
from scaleproof.spec.autoscaling import AutoscalingSpec as AutoscalingSpec
from scaleproof.spec.platform import Platform as Platform
from scaleproof.spec.platform_file import read_platform as read_platform
from scaleproof.spec.policy import Policy as Policy
from scaleproof.spec.policy import ResourceRequirements as ResourceRequirements
from scaleproof.spec.stack_file import read_policy as read_policy

__version__: str
