"""Storage in an S3 bucket."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

import boto3
from botocore.config import Config

# Amazon's global endpoint, which redirects to the host of the bucket's region.
GLOBAL_ENDPOINT = "https://s3.amazonaws.com"
# How long a redirect to the bucket is valid.
REDIRECT_SECONDS = 300


class S3Bucket:
    """A bucket, configured by the usual AWS variables."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        # Other services may not have a host name per bucket.
        other = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        self._is_amazons = not other
        self._client: Any = boto3.client(
            "s3",
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path" if other else "auto"},
                # Nor do all services know Amazon's newer checksums.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                connect_timeout=5,
                read_timeout=30,
                retries={"mode": "standard", "max_attempts": 3},
            ),
        )

    def sources(self) -> tuple[str, ...]:
        """URL prefixes of the files, as sources for a Content-Security-Policy."""
        endpoints = {self._client.meta.endpoint_url, *([GLOBAL_ENDPOINT] if self._is_amazons else [])}
        found = []
        for endpoint in sorted(endpoints):
            found.append(f"{endpoint.rstrip('/')}/{self._bucket}/")
            if self._is_amazons:
                found.append(f"https://{self._bucket}.{urlsplit(endpoint).netloc}/")
        return tuple(found)

    def folder_id(self) -> str:
        """The id of this bucket, derived from its name."""
        return str(uuid5(NAMESPACE_URL, f"s3://{self._bucket}"))

    def save(self, name: str, content: IO[bytes], media_type: str) -> None:
        self._client.put_object(Bucket=self._bucket, Key=name, Body=content, ContentType=media_type)

    def read(self, name: str) -> bytes | None:
        try:
            content: bytes = self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read()
        except self._client.exceptions.NoSuchKey:
            return None
        return content

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            self._client.delete_object(Bucket=self._bucket, Key=name)

    def names(self) -> Iterator[tuple[str, float]]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket):
            for entry in page.get("Contents", ()):
                yield entry["Key"], entry["LastModified"].timestamp()

    def url(self, name: str, headers: Mapping[str, str], *, head: bool = False) -> str:
        """A URL at which the bucket serves the file for a while, with these headers as far as it can set them."""
        given = {
            f"Response{header.replace('-', '')}": headers[header]
            for header in ("Content-Type", "Content-Disposition", "Cache-Control")
        }
        url: str = self._client.generate_presigned_url(
            "head_object" if head else "get_object",
            Params={"Bucket": self._bucket, "Key": name, **given},
            ExpiresIn=REDIRECT_SECONDS,
        )
        return url
