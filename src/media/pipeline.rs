//! The texts under pipelines/, filled and parsed.
