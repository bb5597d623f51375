//! What every route shares: router, problem documents, extractors, assets, OpenAPI.
