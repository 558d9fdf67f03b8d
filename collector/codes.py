"""Error codes of AWS by what they tell the caller: to slow down, to get a permission, or that it is gone."""

from __future__ import annotations

#: [common errors of the API references; botocore _retry.json].  LimitExceededException is not among them: of
#: ECS and Application Auto Scaling it names a quota of resources, which waiting does not raise.
THROTTLES = frozenset(
    {
        "BandwidthLimitExceeded",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)

#: [the same]
DENIALS = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "NotAuthorized",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)

#: There is no such image, secret or parameter [ECR, Secrets Manager, Systems Manager API references].
ABSENT = frozenset(
    {
        "ImageNotFoundException",
        "ParameterNotFound",
        "RepositoryNotFoundException",
        "ResourceNotFoundException",
    }
)
