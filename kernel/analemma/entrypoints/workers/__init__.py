"""Worker processes of a laptop: what Lambda's workers are in the cloud."""
