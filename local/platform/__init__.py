"""A local training platform: speaks the public fine-tuning API's shapes and really trains a small policy.

server, api             the HTTP server and its routes
request_models, errors  what a request may say, and the API's errors
job_runner              takes a job from validation to its end, across restarts
job_store, job_request  a job on disk, and the request that created it; events, what happened to it
file_store              uploads and result files; training_rows, the rows in them
numpy_policy            the engine: what trains, and answers
"""
