"""Mutual TLS between sidecars: what both ends present, and whom they take the other for."""

from collections.abc import Iterable

from smi.model.identity import ServiceIdentity, spiffe_ids
from smi.model.workload import Workload
from smi_envoy.pb.envoy.config.core.v3 import base_pb2
from smi_envoy.pb.envoy.extensions.transport_sockets.tls.v3 import (
    common_pb2,
    secret_pb2,
    tls_pb2,
)
from smi_envoy.pb.envoy.type.matcher.v3 import string_pb2
from smi_envoy.translate import names
from smi_envoy.translate.messages import over_ads
from smi_envoy.xds.resources import NOBODY, version_of

SanType = common_pb2.SubjectAltNameMatcher.SanType
Subject = common_pb2.SubjectAltNameMatcher


def mutual_tls_context(
    validation: str, subjects: Iterable[common_pb2.SubjectAltNameMatcher] = ()
) -> tls_pb2.CommonTlsContext:
    """TLS 1.3 with the proxy's own SVID; the peer is judged by the secret called `validation`.

    If there are `subjects`, the peer must be one of them, and the secret list none.
    """
    version = common_pb2.TlsParameters.TlsProtocol.TLSv1_3
    context = tls_pb2.CommonTlsContext(
        tls_params=common_pb2.TlsParameters(
            tls_minimum_protocol_version=version, tls_maximum_protocol_version=version
        ),
        tls_certificate_sds_secret_configs=[_over_sds(names.SVID)],
    )
    expected = common_pb2.CertificateValidationContext(match_typed_subject_alt_names=subjects)
    if expected.match_typed_subject_alt_names:
        context.combined_validation_context.default_validation_context.CopyFrom(expected)
        secret = context.combined_validation_context.validation_context_sds_secret_config
        secret.CopyFrom(_over_sds(validation))
    else:
        context.validation_context_sds_secret_config.CopyFrom(_over_sds(validation))
    return context


def validation(
    name: str, trust: str, subjects: Iterable[common_pb2.SubjectAltNameMatcher]
) -> secret_pb2.Secret:
    """Certificates of the CAs `trust` (PEM) that bear one of `subjects`; any, if there is none."""
    return secret_pb2.Secret(
        name=name,
        validation_context=common_pb2.CertificateValidationContext(
            trusted_ca=base_pb2.DataSource(inline_string=trust),
            match_typed_subject_alt_names=subjects,
        ),
    )


def oldest(trust: str) -> str:
    """What tells the first certificate of `trust` (PEM) from others."""
    return version_of(trust.partition("-----END")[0].encode())


def servers(
    trust_domains: Iterable[str], identities: Iterable[ServiceIdentity]
) -> list[common_pb2.SubjectAltNameMatcher]:
    """Exactly the SVIDs of `identities` in any of `trust_domains`. Never empty."""
    domains = tuple(trust_domains)
    ids: list[str] = sorted({name for one in identities for name in spiffe_ids(domains, one)})
    return [subject(SanType.URI, name) for name in ids or [NOBODY]]


def pod(one: Workload | None) -> common_pb2.SubjectAltNameMatcher:
    """Exactly the SVID of `one`, by its uid: no other of its ServiceAccount; nobody if gone."""
    return subject(SanType.DNS, one.uid) if one else subject(SanType.URI, NOBODY)


def subject(
    san_type: common_pb2.SubjectAltNameMatcher.SanType.ValueType, name: str
) -> common_pb2.SubjectAltNameMatcher:
    """Exactly the certificates that bear `name`."""
    return Subject(san_type=san_type, matcher=string_pb2.StringMatcher(exact=name))


def _over_sds(name: str) -> secret_pb2.SdsSecretConfig:
    return secret_pb2.SdsSecretConfig(name=name, sds_config=over_ads())
