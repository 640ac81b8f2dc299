"""The survey as HATS catalogues: Parquet files by HEALPix pixel, for LSDB and Dask."""
