// Package spec names the media types of encrypted layers, which containers/image
// carries as they are.
// Source: https://github.com/opencontainers/image-spec/pull/775
package spec

// The media types of encrypted layers.
const (
	MediaTypeLayerEnc                     = "application/vnd.oci.image.layer.v1.tar+encrypted"
	MediaTypeLayerGzipEnc                 = "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"
	MediaTypeLayerZstdEnc                 = "application/vnd.oci.image.layer.v1.tar+zstd+encrypted"
	MediaTypeLayerNonDistributableEnc     = "application/vnd.oci.image.layer.nondistributable.v1.tar+encrypted"
	MediaTypeLayerNonDistributableGzipEnc = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip+encrypted"
	MediaTypeLayerNonDistributableZstdEnc = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd+encrypted"
)
