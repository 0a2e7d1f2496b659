"""How static files are named: by a hash of their content, so that a browser keeps them for good."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedFiles(CompressedManifestStaticFilesStorage):
    """WhiteNoise's, and the imports between our JavaScript modules name the hashed files too."""

    support_js_module_import_aggregation = True
