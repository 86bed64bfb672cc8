"""The sources of a bucket's files: the pages' policy allows images only from there."""

import pytest

from chatapp.features.files.bucket import S3Bucket

HEADERS = {"Content-Type": "image/png", "Content-Disposition": "inline", "Cache-Control": "private"}


@pytest.mark.parametrize("bucket", ["pictures", "pictures.example.org"])
@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
@pytest.mark.parametrize("endpoint", ["", "http://127.0.0.1:9000"])
def test_every_url_of_a_file_is_below_a_source(
    monkeypatch: pytest.MonkeyPatch, bucket: str, region: str, endpoint: str
) -> None:
    variables = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": region}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    kept = S3Bucket(bucket)
    assert all(bucket in source for source in kept.sources())
    url = kept.url("name.png", HEADERS)
    assert any(url.startswith(f"{source}name.png?") for source in kept.sources()), url


def test_the_host_that_amazon_redirects_to_is_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert "https://pictures.s3.eu-central-1.amazonaws.com/" in S3Bucket("pictures").sources()
